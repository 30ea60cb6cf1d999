"""How much whole layers matter: one score per layer, the lowest goes first."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from compress.replay import climb, finish
from compress.stages import Context

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def layer_importance(model: "PreTrainedModel", context: Context, method: str, rows: int) -> list[float]:
    """Scores of all layers by one of `METHODS`, kept in the context as those of heads and neurons are."""
    if ("layers", method) not in context.kept:
        context.kept["layers", method] = METHODS[method](model, context, rows)
    scores: list[float] = context.kept["layers", method]
    return scores


@torch.inference_mode()
def _similarity(model: "PreTrainedModel", context: Context, rows: int) -> list[float]:
    """1 - cosine between what enters a layer and what leaves it, mean over all visible tokens."""
    scores, before = [], None
    with context.progress.work("comparing layers' inputs and outputs", model.config.num_hidden_layers) as work:
        for _, states in climb(model, context.train.inputs.first(rows), context.padding):
            if before is not None:
                changes = [
                    (1 - functional.cosine_similarity(old, state.hidden, dim=-1))[state.visible[:, 0, 0]]
                    for old, state in zip(before, states, strict=True)
                ]
                scores.append(torch.cat(changes).mean().item())
                work.advance()
            before = [state.hidden for state in states]
    return scores


def _loss(model: "PreTrainedModel", context: Context, rows: int) -> list[float]:
    """Cross-entropy on the first `rows` validation rows without the layer."""
    scores, chosen = [], context.validation.first(rows)
    gold = torch.from_numpy(chosen.labels)
    layers = model.config.num_hidden_layers
    with context.progress.work("leaving out one layer at a time", layers) as work:
        for layer, states in climb(model, chosen.inputs, context.padding):
            if layer < layers:
                logits = torch.from_numpy(finish(model, states, layer + 1, chosen.inputs))
                scores.append(functional.cross_entropy(logits, gold).item())
                work.advance()
    return scores


def _top(model: "PreTrainedModel", context: Context, rows: int) -> list[float]:
    layers = model.config.num_hidden_layers
    return [float(layers - layer) for layer in range(layers)]


def _alternate(model: "PreTrainedModel", context: Context, rows: int) -> list[float]:
    """The second highest first, then every second one below it, then the others: the classifier keeps its layer."""
    layers = model.config.num_hidden_layers
    order = [*range(layers - 2, -1, -2), *range(layers - 1, -1, -2)]
    return [float(order.index(layer)) for layer in range(layers)]


METHODS: dict[str, Callable[["PreTrainedModel", Context, int], list[float]]] = {
    "similarity": _similarity,
    "loss": _loss,
    "top": _top,
    "alternate": _alternate,
}
