"""A dropout rate for one training: set inside the block, the model's own after it."""

from contextlib import suppress
from pathlib import Path

import pytest
from torch import nn

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.training.forward.dropout import dropout_rate


def rates(model: nn.Module) -> set[float]:
    return {module.p for module in model.modules() if isinstance(module, nn.Dropout)}


@pytest.mark.parametrize(("rate", "inside"), [(0.0, 0.0), (0.25, 0.25), (None, 0.1)])
def test_the_rate_holds_inside_the_block(tiny_model: Path, rate: float | None, inside: float) -> None:
    model = load_classifier(tiny_model)
    with suppress(KeyboardInterrupt), dropout_rate(model, rate):
        assert rates(model) == {inside}
        raise KeyboardInterrupt
    assert rates(model) == {0.1}
