"""Tells the parts of a model which tokens of the batch are padding."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


class Visible:
    """The tokens of the batch that the model computes now."""

    mask: Tensor | None = None
    """(texts, tokens), not 0 where a token is no padding; None if the model is called without a mask."""

    def of(self, values: Tensor) -> Tensor | None:
        """Return the mask if `values` has a vector for each token, else None."""
        tokens = values.dim() == 3 and self.mask is not None and values.shape[:2] == self.mask.shape
        return self.mask if tokens else None


@contextmanager
def visible_tokens(model: nn.Module) -> Iterator[Visible]:
    """Keep the ``attention_mask`` of each call of `model` inside the block."""
    visible = Visible()

    def keep(_: nn.Module, __: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        visible.mask = inputs.get("attention_mask")

    handle = model.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        yield visible
    finally:
        handle.remove()
