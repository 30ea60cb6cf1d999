"""Tasks: rows -> tokens -> logits -> metric. A new task is one file and its line in `TASKS`.

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
"""Kind -> class; the module here bears the kind's name."""
Outcomes = NDArray[np.bool_] | NDArray[np.uint16]
"""What a model made of each row, as much as its metric needs: right or not, (rows,), or counts, (rows, counts)."""


class Task(Protocol):
    """What a task knows about its own rows and figures.

    `logits` are (answers, labels): one answer per row, or one per word of all rows end to end. `gold` is the column
    ``label`` of the same rows.
    """

    kind: str
    metric: str
    labels: list[str]
    max_length: int
    columns: tuple[str, ...]
    """What a row consists of, beside its ``label``."""
    token_level: bool
    """Whether every word has a label of its own."""
    linear_control: bool
    """Whether a row is one text, which a linear model over character n-grams can be trained on."""

    def __init__(self, labels: list[str], max_length: int) -> None: ...

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """The rows as a tokenizer cuts them."""
        ...

    def texts(self, rows: Columns) -> list[str]:
        """All that the tokenizer is given of these rows."""
        ...

    def show(self, rows: Columns, row: int) -> str:
        """One row for a person to read."""
        ...

    def show_label(self, rows: Columns, row: int) -> str:
        """Its label for a person to read."""
        ...

    def scores(self, logits: NDArray[np.float32], gold: Sequence[Any]) -> dict[str, float]:
        """Every metric of this task, by name; `metric` is the one that is guarded and gated."""
        ...

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[Any]) -> Outcomes:
        """Row by row, what the metric is reckoned from."""
        ...

    def right(self, outcomes: Outcomes) -> NDArray[np.bool_]:
        """Row by row: is everything right?"""
        ...

    def drop(self, reference: Outcomes, candidate: Outcomes, confidence: float) -> Drop:
        """How much worse the candidate is than the reference on the same rows, with its interval."""
        ...


def task_class(kind: str) -> type[Task]:
    """Return the class of tasks of that kind.

    Raises:
        BadInput: there is no such kind.
    """
    if kind not in TASKS:
        raise BadInput(f"task.kind: unknown task {kind!r}{nearest(kind, TASKS)}")
    cls: type[Task] = getattr(import_module(f"pocketbert.compress.tasks.{kind}"), TASKS[kind])
    return cls


def open_task(kind: str, labels: list[str], max_length: int) -> Task:
    """Make the task of that kind.

    Raises:
        BadInput: there is no such kind, or it cannot work with these labels.
    """
    return task_class(kind)(labels, max_length)
