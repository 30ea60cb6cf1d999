"""Finds the first layer in which an exported file differs from its model, whatever its format."""

from bisect import bisect_left
from collections.abc import Callable
from copy import deepcopy
from math import ceil, log2
from typing import TYPE_CHECKING

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.families import encoder_layers, with_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def first_difference(model: "PreTrainedModel", differs: "Callable[[PreTrainedModel], bool]", progress: Progress) -> str:
    """Return ``layer 3``, counted from 0, or ``the embeddings or the head``.

    Models of the lowest k layers, under the same head, are exported, and k is bisected: no format has to show what
    happens inside its files.

    Args:
        differs: exports a model and returns whether the file differs from it; the file of the whole `model` does.
    """
    count = len(encoder_layers(model))
    with progress.work("looking for the first layer that differs", ceil(log2(count + 1))) as bar:

        def wrong(layers: int) -> bool:
            bar.advance()
            return differs(lowest(model, layers))

        fewest = bisect_left(range(count), True, key=wrong)
    return f"layer {fewest - 1}" if fewest else "the embeddings or the head"


def lowest(model: "PreTrainedModel", layers: int) -> "PreTrainedModel":
    """Return a copy of `model`, of any family, with only its lowest `layers` layers; it can be saved and loaded."""
    config = with_layers(model.config, range(layers))
    cut = deepcopy(model, {id(model.config): config})  # all modules share one configuration
    cut.base_model.encoder.layer = cut.base_model.encoder.layer[:layers]
    return cut
