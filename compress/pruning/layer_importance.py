"""Importance of whole layers: one score per layer; the layer of the lowest score is removed first."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.pruning.replay import run_by_layer, run_from
from pocketbert.compress.tasks.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def layer_importance(model: "PreTrainedModel", rows: Rows, method: str, progress: Progress) -> list[float]:
    """Score all layers by one of `METHODS`.

    Args:
        rows: examples for ``similarity`` and ``loss``, which needs labels; the other methods do not use them.
    """
    return METHODS[method](model, rows, progress)


@torch.inference_mode()
def _similarity(model: "PreTrainedModel", rows: Rows, progress: Progress) -> list[float]:
    """Compute 1 - cosine between each layer's input and output, mean over all visible tokens."""
    scores, before = [], None
    with progress.work("comparing layers' inputs and outputs", model.config.num_hidden_layers) as work:
        for _, states in run_by_layer(model, rows.inputs):
            if before is not None:
                changes = [
                    (1 - functional.cosine_similarity(old, state.hidden, dim=-1))[state.attention_mask.bool()]
                    for old, state in zip(before, states, strict=True)
                ]
                scores.append(torch.cat(changes).mean().item())
                work.advance()
            before = [state.hidden for state in states]
    return scores


def _loss(model: "PreTrainedModel", rows: Rows, progress: Progress) -> list[float]:
    """Compute the cross-entropy without each layer."""
    scores, gold = [], torch.from_numpy(rows.labels)
    layers = model.config.num_hidden_layers
    with progress.work("leaving out one layer at a time", layers) as work:
        for layer, states in run_by_layer(model, rows.inputs):
            if layer < layers:
                logits = torch.from_numpy(run_from(model, states, layer + 1, rows.inputs))
                scores.append(functional.cross_entropy(logits, gold).item())
                work.advance()
    return scores


def _top(model: "PreTrainedModel", rows: Rows, progress: Progress) -> list[float]:
    layers = model.config.num_hidden_layers
    return [float(layers - layer) for layer in range(layers)]


def _alternate(model: "PreTrainedModel", rows: Rows, progress: Progress) -> list[float]:
    """Remove every second layer from the second highest down, then every second one of the rest, and so on.

    So the classifier keeps the highest layer, which it was trained on.
    """
    left, order = list(range(model.config.num_hidden_layers)), list[int]()
    while len(left) > 1:
        order += left[-2::-2]
        left = [layer for layer in left if layer not in order]
    order += left
    return [float(order.index(layer)) for layer in range(model.config.num_hidden_layers)]


METHODS: dict[str, Callable[["PreTrainedModel", Rows, Progress], list[float]]] = {
    "similarity": _similarity,
    "loss": _loss,
    "top": _top,
    "alternate": _alternate,
}
