"""Another dropout rate for one training (Srivastava et al. 2014) than the model's configuration has."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def dropout_rate(model: nn.Module, rate: float | None) -> Iterator[None]:
    """Set the rate of all dropout layers of `model` inside the block; None leaves them alone."""
    own = {module: module.p for module in model.modules() if isinstance(module, nn.Dropout)}
    for module in own:
        module.p = own[module] if rate is None else rate
    try:
        yield
    finally:
        for module, before in own.items():
            module.p = before
