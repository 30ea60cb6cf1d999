"""Where a file begins to compute something else than its model, whatever its format."""

from collections.abc import Callable
from copy import deepcopy
from math import ceil, log2
from typing import TYPE_CHECKING

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.families import encoder_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def first_difference(model: "PreTrainedModel", differs: "Callable[[PreTrainedModel], bool]", progress: Progress) -> str:
    """``layer 3``, counted from 0 as everywhere, or ``the embeddings or the head``.

    No format is asked for what happens inside it: models of only the lowest k layers, under the same head, are exported
    instead, and k is bisected. So each try is a file like any other.

    Args:
        differs: whether the file of such a model is wrong; the one of the whole model is known to be.
    """
    right, wrong = -1, len(encoder_layers(model))
    with progress.work("looking for the first layer that differs", ceil(log2(wrong + 1))) as bar:
        while wrong - right > 1:
            middle = (right + wrong) // 2
            if differs(lowest(model, middle)):
                wrong = middle
            else:
                right = middle
            bar.advance()
    return f"layer {wrong - 1}" if wrong else "the embeddings or the head"


def lowest(model: "PreTrainedModel", layers: int) -> "PreTrainedModel":
    """A copy of `model`, of any family, with the lowest so many layers of its encoder; it can be saved and loaded."""
    cut = deepcopy(model)
    encoder, config = cut.base_model.encoder, cut.config
    encoder.layer = encoder.layer[:layers]
    config.num_hidden_layers = layers
    for name in ("layer_heads", "layer_intermediate"):
        if listed := getattr(config, name, None):
            setattr(config, name, listed[:layers])
    return cut
