"""Sensitivity of the teacher: the change on validation examples when a single head, layer or FFN share is removed.

Nothing is trained. The layers below the removed part are computed once, so the whole table costs about a hundred
forward passes over the examples instead of two hundred.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.families import head_counts, neuron_counts
from pocketbert.compress.pruning.importance import importance, masks
from pocketbert.compress.pruning.replay import State, run_by_layer, run_from
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CALIBRATION_ROWS = 512
"""Training examples that rank the neurons."""
WIDTHS = (0.75, 0.5, 0.25)
"""Shares of a layer's FFN neurons that are kept."""


@dataclass(frozen=True)
class Change:
    """The effect of removing one part: the change of the metric in percentage points, and of the mean loss."""

    layer: int
    part: str  # "head 3", "layer", "ffn 0.5"
    pp: float  # negative: worse
    loss: float  # positive: worse


@dataclass(frozen=True)
class Sensitivity:
    """All changes, and the metric and mean loss of the whole model on the same examples."""

    metric: str
    value: float
    loss: float
    rows: int
    changes: list[Change]


def sensitivity(
    model: "PreTrainedModel", task: Task, calibration: Rows, validation: Rows, progress: Progress
) -> Sensitivity:
    """Remove each head, each layer, and the least important neurons of each layer's FFN, one at a time.

    Args:
        calibration: labelled training examples that rank the neurons (diagonal Fisher).
        validation: the examples on which every change is measured.
    """
    heads, layers = head_counts(model.config), model.config.num_hidden_layers
    neurons = importance(model, calibration, "fisher", 0, progress).neurons
    every: list[tuple[int, str, NDArray[np.float32]]] = []
    cost = sum((count + len(WIDTHS)) * (layers - layer) + layers - layer - 1 for layer, count in enumerate(heads))
    whole = None
    with progress.work("taking parts away", cost) as work:
        for layer, states in run_by_layer(model, validation.inputs):
            if layer == layers:
                whole = run_from(model, states, layer, validation.inputs)
                break
            for part, logits in _variants(model, states, layer, neurons[layer].argsort().tolist(), validation.inputs):
                every.append((layer, part, logits))
                work.advance(layers - layer - (part == "layer"))
    if whole is None:
        raise ValueError("the model has no layers")
    value, loss = _score(task, validation, whole)
    changes = []
    for layer, part, logits in every:
        now, now_loss = _score(task, validation, logits)
        changes.append(Change(layer, part, 100 * (now - value), now_loss - loss))
    return Sensitivity(task.metric, value, loss, len(validation.gold), changes)


def _variants(
    model: "PreTrainedModel", states: list[State], layer: int, ascending: list[int], inputs: Inputs
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each part of a layer and the logits without it; `ascending` lists its neurons by importance."""
    for head in range(head_counts(model.config)[layer]):
        with _without(model, layer, "heads", [head]):
            yield f"head {head}", run_from(model, states, layer, inputs)
    yield "layer", run_from(model, states, layer + 1, inputs)
    width = neuron_counts(model.config)[layer]
    for share in WIDTHS:
        with _without(model, layer, "neurons", ascending[: width - round(share * width)]):
            yield f"ffn {share:g}", run_from(model, states, layer, inputs)


@contextmanager
def _without(model: "PreTrainedModel", layer: int, kind: str, units: list[int]) -> Iterator[None]:
    with masks(model, only=layer) as ones, torch.no_grad():
        getattr(ones, kind)[layer][:, units] = 0.0
        yield


def _score(task: Task, rows: Rows, logits: NDArray[np.float32]) -> tuple[float, float]:
    value = task.scores(logits, rows.gold)[task.metric]
    return value, functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(rows.labels)).item()
