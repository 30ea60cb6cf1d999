"""Runs a model from any of its layers on: what lies below is computed once, however often the rest is tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compress.architectures import classify, embed, encoder_layers
from compress.tasks.encoding import Inputs, batches, collect

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


@dataclass
class State:
    """One batch on its way up: which inputs, hidden states (inputs, tokens, hidden), which tokens are visible."""

    numbers: NDArray[np.intp]
    hidden: Tensor
    visible: Tensor


@torch.inference_mode()
def climb(model: "PreTrainedModel", inputs: Inputs, padding: int) -> Iterator[tuple[int, list[State]]]:
    """Layer by layer, bottom first: its number and what enters it, of every input. The last number is past the end."""
    model.eval()
    states = []
    for numbers, batch in batches(inputs, _BATCH, padding):
        read = {name: torch.from_numpy(values) for name, values in batch.items()}
        visible = read["attention_mask"][:, None, None, :].bool()
        states.append(State(numbers, embed(model, read["input_ids"], read.get("token_type_ids")), visible))
    for number, layer in enumerate(encoder_layers(model)):
        yield number, states
        for state in states:
            state.hidden = layer(state.hidden, state.visible)
    yield len(encoder_layers(model)), states


@torch.inference_mode()
def finish(model: "PreTrainedModel", states: list[State], first: int, inputs: Inputs) -> NDArray[np.float32]:
    """Logits (answers, labels), in the order of `inputs`, of what enters layer `first`; the states stay as they are."""
    found = []
    for state in states:
        hidden = state.hidden
        for layer in encoder_layers(model)[first:]:
            hidden = layer(hidden, state.visible)
        found.append((state.numbers, classify(model, hidden).numpy()))
    return collect(found, inputs)
