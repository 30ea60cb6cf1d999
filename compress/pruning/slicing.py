"""Structured slicing: fills a narrow student with the rows and columns of largest magnitude of a wide model.

The magnitude is summed over all tensors that share a channel, as in DepGraph (Fang et al. 2023, "DepGraph: Towards Any
Structural Pruning"). Training has to follow: LayerNorm sees fewer channels than it was trained on.
"""

from typing import TYPE_CHECKING

import torch

from pocketbert.compress.models.families import (
    ATTENTION_OUT,
    FFN_IN,
    FFN_OUT,
    PROJECTIONS,
    family,
    head_size,
    is_token_level,
    layer_prefix,
)
from pocketbert.compress.pruning.surgery import cut_channels, keep_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import PreTrainedModel

_READS = (*PROJECTIONS, FFN_IN, "pooler.dense", "classifier.dense", "_embeddings")
"""Modules whose columns are channels of the residual stream; `_embeddings` are the embedding matrices."""
_WRITES = (FFN_OUT, "LayerNorm", "embeddings_project")
"""Modules whose rows are such channels; the name of attention's output ends in `FFN_OUT` too."""


def fill_from_wide(student: "PreTrainedModel", model: "PreTrainedModel", layers: "Sequence[int]") -> None:
    """Fill `student`, whose layers are alike, with slices of `layers` of `model`, of the same family and kind of head.

    - Channels of the residual stream: one set for the whole model, because every layer adds to the output of the layer
      below. Kept are those with the largest share of squared weights, summed over all matrices, embeddings and
      LayerNorms that read or write them.
    - Heads: the largest ‖value‖ · ‖output‖; in each head the query and key channels of the largest
      ‖query row‖ · ‖key row‖, and the value channels of the largest ‖value row‖ · ‖output column‖.
    - Neurons of FFNs and of the pooler: the largest ‖row in‖ · ‖column out‖.
    """
    config, old = student.config, head_size(model.config)
    weights = dict(keep_layers(model, layers).state_dict())
    _slice_stream(weights, _stream_axes(weights, family(config), is_token_level(student)), config.hidden_size)
    for layer in range(config.num_hidden_layers):
        prefix = layer_prefix(student, layer)
        _slice_heads(weights, prefix, config.num_attention_heads, old, head_size(config))
        _slice_between(weights, f"{prefix}{FFN_IN}", f"{prefix}{FFN_OUT}", config.intermediate_size)
    for inner, outer in ((f"{family(config)}.pooler.dense", "classifier"), ("classifier.dense", "classifier.out_proj")):
        if f"{inner}.weight" in weights:
            _slice_between(weights, inner, outer, config.hidden_size)
    student.load_state_dict(weights)


def _largest(scores: "Tensor", count: int) -> "Tensor":
    """Return the indices of the `count` largest scores, in ascending order."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def _slice_stream(weights: "dict[str, Tensor]", axes: dict[str, int], hidden: int) -> None:
    """Keep `hidden` channels of the residual stream, which lie along the axes in `axes`."""
    shares = []
    for name, axis in axes.items():
        if name.endswith(".weight"):
            squares = weights[name].square()
            energy = squares.sum(dim=1 - axis) if squares.dim() == 2 else squares
            shares.append(energy / energy.sum().clamp_min(1e-12))
    kept = _largest(torch.stack(shares).sum(dim=0), hidden)
    for name, axis in axes.items():
        weights[name] = weights[name].index_select(axis, kept)


def _stream_axes(weights: "dict[str, Tensor]", family: str, token_level: bool) -> dict[str, int]:
    """Find the tensors with channels of the residual stream, and the axis of those channels."""
    reads = (*_READS, "classifier") if token_level else _READS
    # ELECTRA may project narrow embeddings: its stream begins after the projection.
    aside = f"{family}.embeddings." if f"{family}.embeddings_project.weight" in weights else None
    axes = {}
    for name in weights:
        module, _, part = name.rpartition(".")
        if aside and name.startswith(aside):
            continue
        if module.endswith(_WRITES):
            axes[name] = 0
        elif part == "weight" and module.endswith(reads):
            axes[name] = 1
    return axes


def _slice_heads(weights: "dict[str, Tensor]", prefix: str, heads: int, old: int, new: int) -> None:
    """Keep `heads` of the layer's heads, and `new` of the `old` channels of each."""
    query, key, value = (f"{prefix}{name}" for name in PROJECTIONS)
    out = f"{prefix}{ATTENTION_OUT}"
    norms = {name: weights[f"{name}.weight"].norm(dim=1) for name in (query, key, value)}
    compared = (norms[query] * norms[key]).view(-1, old)
    carried = (norms[value] * weights[f"{out}.weight"].norm(dim=0)).view(-1, old)
    kept = _largest(carried.square().sum(dim=1), heads)

    def channels(scores: "Tensor") -> "Tensor":
        return torch.cat([head * old + _largest(scores[head], new) for head in kept])

    cut_channels(weights, "", (value,), out, channels(carried))
    for name in (query, key):
        for part in ("weight", "bias"):
            weights[f"{name}.{part}"] = weights[f"{name}.{part}"][channels(compared)]
    for part in ("weight", "bias"):  # attention divides by the root of the new size, but was trained with the old
        weights[f"{query}.{part}"] = weights[f"{query}.{part}"] * (new / old) ** 0.5


def _slice_between(weights: "dict[str, Tensor]", inner: str, outer: str, count: int) -> None:
    """Keep `count` of the neurons between the linear layers `inner` and `outer`."""
    scores = weights[f"{inner}.weight"].norm(dim=1) * weights[f"{outer}.weight"].norm(dim=0)
    cut_channels(weights, "", (inner,), outer, _largest(scores, count))
