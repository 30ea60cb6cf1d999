"""Accuracy: the file itself, in its own runtime, over the whole test split."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pocketbert.bench.measuring.subject import Rows
from pocketbert.bench.records.results import Accuracy, pack, unpack
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import Comparison
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import Inputs, predict


def measure_accuracy(child: Child, task: Task, rows: Rows, inputs: Inputs, done: Callable[[int], None]) -> Accuracy:
    """Score the artifact that `child` holds; `done` is told how many inputs each batch had. The drop comes later."""
    try:
        logits = predict(child.logits, inputs, progress=done)
    except BadInput as refused:  # this artifact is of no use for the task, the others may be
        raise ChildFailed(str(refused)) from refused
    if logits.shape[1] != len(task.labels):
        raise ChildFailed(f"it predicts {logits.shape[1]} labels, the task has {len(task.labels)}")
    scores = task.scores(logits, rows.gold)
    return Accuracy(
        metric=task.metric,
        value=scores[task.metric],
        scores=scores,
        rows=len(rows),
        drop=None,
        **pack(task.outcomes(logits, rows.gold)),
        test_sha256=rows.sha256,
    )


def with_drop(accuracy: Accuracy, reference: Accuracy, task: Task, confidence: float) -> Accuracy:
    """The same with its drop against the reference on the same rows, in the task's own interval."""
    drop = task.drop(unpack(reference), unpack(accuracy), confidence)
    interval = Interval(estimate=drop.estimate, low=drop.low, high=drop.high)
    return accuracy.model_copy(update={"drop": interval})


def against(other: NDArray[np.float32], accuracy: Accuracy, task: Task, rows: Rows, confidence: float) -> Comparison:
    """A scored artifact beside another model's logits on the same rows, (answers, labels), the reference."""
    return Comparison.scored(task, rows.gold, other, unpack(accuracy), accuracy.value, confidence)
