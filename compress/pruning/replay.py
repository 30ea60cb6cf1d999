"""Forward passes that start at any layer: the layers below are computed once for many variants of the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pocketbert.compress.models.families import classify, embed, encoder_layers, run_layers
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, batches, collect

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


@dataclass
class State:
    """A batch between two layers: indices of its inputs, states (inputs, tokens, hidden) and mask (inputs, tokens)."""

    indices: NDArray[np.intp]
    hidden: Tensor
    attention_mask: Tensor


@torch.inference_mode()
def run_by_layer(model: "PreTrainedModel", inputs: Inputs) -> Iterator[tuple[int, list[State]]]:
    """Yield (layer, states entering that layer) for each layer, then (number of layers, final states)."""
    model.eval()
    states = []
    for indices, batch in batches(inputs, _BATCH):
        read = as_tensors(batch)
        hidden = embed(model, read["input_ids"], read.get("token_type_ids"))
        states.append(State(indices, hidden, read["attention_mask"]))
    for number, layer in enumerate(encoder_layers(model)):
        yield number, states
        for state in states:
            state.hidden = run_layers([layer], state.hidden, state.attention_mask)
    yield len(encoder_layers(model)), states


@torch.inference_mode()
def run_from(model: "PreTrainedModel", states: list[State], first: int, inputs: Inputs) -> NDArray[np.float32]:
    """Compute logits (predictions, labels) from the states that enter layer `first`, in the order of `inputs`."""
    found = []
    for state in states:
        hidden = run_layers(encoder_layers(model)[first:], state.hidden, state.attention_mask)
        found.append((state.indices, classify(model, hidden).numpy()))
    return collect(found, inputs)
