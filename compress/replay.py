"""Runs a model from any of its layers on: what lies below is computed once, however often the rest is tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.architectures import classify, embed, encoder_layers
from compress.tasks.encoding import batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


@dataclass
class State:
    """One batch on its way up: row numbers, hidden states (rows, tokens, hidden), which tokens are visible."""

    rows: NDArray[np.intp]
    hidden: Tensor
    visible: Tensor


@torch.inference_mode()
def climb(model: "PreTrainedModel", sequences: list[list[int]], padding: int) -> Iterator[tuple[int, list[State]]]:
    """Layer by layer, bottom first: its number and what enters it, of every row. The last number is past the end."""
    model.eval()
    states = []
    for rows, batch in batches(sequences, _BATCH, padding):
        visible = torch.from_numpy(batch["attention_mask"])[:, None, None, :].bool()
        states.append(State(rows, embed(model, torch.from_numpy(batch["input_ids"])), visible))
    for number, layer in enumerate(encoder_layers(model)):
        yield number, states
        for state in states:
            state.hidden = layer(state.hidden, state.visible)
    yield len(encoder_layers(model)), states


@torch.inference_mode()
def finish(model: "PreTrainedModel", states: list[State], first: int) -> NDArray[np.float32]:
    """Logits (rows, labels), in the order of row numbers, of what enters layer `first`; the states stay as they are."""
    found = []
    for state in states:
        hidden = state.hidden
        for layer in encoder_layers(model)[first:]:
            hidden = layer(hidden, state.visible)
        found.append(classify(model, hidden).numpy())
    rows = np.concatenate([state.rows for state in states])
    logits = np.concatenate(found)
    out = np.empty_like(logits)
    out[rows] = logits
    return out
