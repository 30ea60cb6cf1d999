"""Removal of heads, neurons and layers from a model's weights: shapes shrink, no zeros are kept."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models import families
from pocketbert.compress.models.modeling_uneven import uneven

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

Units = Mapping[int, Collection[int]]
"""Layer -> numbers of its heads, or of its neurons."""


def check_units(stage: str, unit: str, removed: Units, counts: Sequence[int]) -> None:
    """Raise `BadInput` for a layer, head or neuron that does not exist; `counts` has the units of each layer."""
    for layer, units in removed.items():
        if not 0 <= layer < len(counts):
            raise BadInput(f"{stage}: there is no layer {layer}; allowed: 0 to {len(counts) - 1}")
        if wrong := [number for number in units if not 0 <= number < counts[layer]]:
            allowed = f"0 to {counts[layer] - 1}" if counts[layer] else f"none, it has no {unit}s left"
            raise BadInput(f"{stage}: layer {layer} has no {unit} {wrong[0]}; allowed: {allowed}")


def without(model: "PreTrainedModel", heads: Units, neurons: Units) -> "PreTrainedModel":
    """Return a copy of `model` without some heads and FFN neurons, numbered as they are in `model`.

    A head consists of rows of query, key and value and columns of the output projection, a neuron of a row of the first
    FFN matrix and a column of the second. Biases that are added after the columns stay, so the logits equal those of
    the full model with the outputs of these units multiplied by 0.

    Raises:
        BadInput: a unit does not exist.
    """
    config, size = model.config, families.head_size(model.config)
    left, widths = list(families.head_counts(config)), list(families.neuron_counts(config))
    check_units("prune-heads", "head", heads, left)
    check_units("prune-ffn", "neuron", neurons, widths)
    weights = dict(model.state_dict())
    for layer, removed in heads.items():
        kept = torch.tensor([head for head in range(left[layer]) if head not in removed], dtype=torch.long)
        channels = (kept[:, None] * size + torch.arange(size)).flatten()
        cut_channels(
            weights, families.layer_prefix(model, layer), families.PROJECTIONS, families.ATTENTION_OUT, channels
        )
        left[layer] = len(kept)
    for layer, removed in neurons.items():
        kept = torch.tensor([neuron for neuron in range(widths[layer]) if neuron not in removed], dtype=torch.long)
        cut_channels(weights, families.layer_prefix(model, layer), (families.FFN_IN,), families.FFN_OUT, kept)
        widths[layer] = len(kept)
    return uneven(config, left, widths, weights, families.is_token_level(model))


def cut_channels(weights: "dict[str, Tensor]", prefix: str, rows: Sequence[str], columns: str, kept: "Tensor") -> None:
    """Keep output channels `kept` of the linear layers `rows` and the same input channels of `columns`. Keeping none
    deletes the weights.
    """
    column = f"{prefix}{columns}.weight"
    if column not in weights:  # deleted by an earlier cut
        return
    weights[column] = weights[column][:, kept]
    names = [f"{prefix}{row}.{part}" for row in rows for part in ("weight", "bias")]
    for name in names:
        weights[name] = weights[name][kept]
    if not len(kept):
        for name in (*names, column):
            del weights[name]


def keep_layers(model: "PreTrainedModel", layers: Sequence[int]) -> "PreTrainedModel":
    """Return a copy of `model` with only `layers` of its encoder, in that order."""
    prefix = families.layer_prefix(model, 0).removesuffix("0.")
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        number, _, rest = name.removeprefix(prefix).partition(".")
        if not name.startswith(prefix):
            weights[name] = tensor
        elif int(number) in layers:
            weights[f"{prefix}{layers.index(int(number))}.{rest}"] = tensor
    config = families.with_layers(model.config, layers)
    return uneven(
        config, families.head_counts(config), families.neuron_counts(config), weights, families.is_token_level(model)
    )
