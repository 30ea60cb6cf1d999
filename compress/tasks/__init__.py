"""Tasks: rows -> tokens -> logits -> metric. A new task is one file and one line in `TASKS`.

Loads neither torch nor transformers: the bench scores an ONNX file without them.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.tasks.inputs import Columns, Inputs
from pocketbert.compress.tasks.paired import Drop

TASKS = {"classification": "Classification", "matching": "Matching", "tagging": "Tagging"}
"""Kind -> class; its module in this package is named like the kind."""
Outcomes = NDArray[np.bool_] | NDArray[np.uint16]
"""Per row, as much as the metric needs: whether the prediction is right, (rows,), or counts, (rows, counts)."""


class Task(Protocol):
    """Interface of a task: how its rows are encoded and scored.

    `logits` are (predictions, labels): one prediction per row, or one per word, all rows end to end. `gold` is the
    column ``label`` of the same rows.
    """

    kind: str
    metric: str
    labels: list[str]
    max_length: int
    columns: tuple[str, ...]
    """Columns of a row besides ``label``."""
    token_level: bool
    """True if every word has a label of its own."""
    linear_control: bool
    """True if a row is one text, so that the linear baseline over character n-grams can be trained."""

    def __init__(self, labels: list[str], max_length: int) -> None: ...

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Tokenize the rows."""
        ...

    def texts(self, rows: Columns) -> list[str]:
        """Return every text of these rows that is tokenized."""
        ...

    def show(self, rows: Columns, row: int) -> str:
        """Return one row as readable text."""
        ...

    def show_label(self, rows: Columns, row: int) -> str:
        """Return the label of one row as readable text."""
        ...

    def scores(self, logits: NDArray[np.float32], gold: Sequence[Any]) -> dict[str, float]:
        """Compute every metric of this task, by name; guard and gate use the one named `metric`."""
        ...

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[Any]) -> Outcomes:
        """Compute, per row, what the metric is computed from."""
        ...

    def right(self, outcomes: Outcomes) -> NDArray[np.bool_]:
        """Return, per row, whether everything is right."""
        ...

    def drop(self, reference: Outcomes, candidate: Outcomes, confidence: float) -> Drop:
        """Compute the reference's metric minus the candidate's on the same rows, with its confidence interval."""
        ...


def task_class(kind: str) -> type[Task]:
    """Return the class of a kind of task.

    Raises:
        BadInput: the kind is unknown.
    """
    if kind not in TASKS:
        raise BadInput(f"task.kind: unknown task {kind!r}{nearest(kind, TASKS)}")
    cls: type[Task] = getattr(import_module(f"pocketbert.compress.tasks.{kind}"), TASKS[kind])
    return cls


def open_task(kind: str, labels: list[str], max_length: int) -> Task:
    """Make a task.

    Raises:
        BadInput: the kind is unknown, or does not allow these labels.
    """
    return task_class(kind)(labels, max_length)
