"""Tasks: rows -> tokens -> logits -> metric. A new task is one file and its line in `TASKS`.

Loads neither torch nor transformers: the bench scores an ONNX file without them.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInput
from compress.tasks.paired import Drop

TASKS = {"classification": "Classification"}
"""Kind -> class; the module here bears the kind's name."""


class Task(Protocol):
    """What a task knows about its own rows and figures."""

    kind: str
    metric: str
    labels: list[str]
    max_length: int

    def scores(self, logits: NDArray[np.float32], gold: Sequence[int]) -> dict[str, float]:
        """Every metric of this task, by name; `metric` is the one that is guarded and gated."""
        ...

    def correct(self, logits: NDArray[np.float32], gold: Sequence[int]) -> NDArray[np.bool_]:
        """Row by row: is the prediction right?"""
        ...

    def drop(self, reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float) -> Drop:
        """How much worse the candidate is than the reference on the same rows, with its interval."""
        ...


def open_task(kind: str, labels: list[str], max_length: int) -> Task:
    """The task of that kind.

    Raises:
        BadInput: there is no such kind.
    """
    if kind not in TASKS:
        raise BadInput(f"unknown task kind {kind!r}; legal: {', '.join(TASKS)}")
    cls: Any = getattr(import_module(f"compress.tasks.{kind}"), TASKS[kind])
    task: Task = cls(labels, max_length)
    return task
