"""Accuracy: the file itself, in its own runtime, over the whole test split."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.child import Child, ChildFailed
from bench.results import Accuracy, Interval
from bench.subject import Rows
from compress.errors import BadInput
from compress.manifest import Comparison
from compress.tasks import Outcomes, Task
from compress.tasks.encoding import Inputs, predict


def measure_accuracy(
    child: Child, task: Task, rows: Rows, inputs: Inputs, padding: int, done: Callable[[int], None]
) -> Accuracy:
    """Score the artifact that `child` holds; `done` is told how many inputs each batch had. The drop comes later."""
    try:
        logits = predict(child.logits, inputs, padding, progress=done)
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
    drop = task.drop(task.outcomes(other, rows.gold), unpack(accuracy), confidence)
    return Comparison(
        metric=task.metric,
        value=accuracy.value,
        reference=task.scores(other, rows.gold)[task.metric],
        drop=drop.estimate,
        low=drop.low,
        high=drop.high,
        rows=drop.rows,
        confidence=confidence,
    )


def pack(outcomes: Outcomes) -> dict[str, Any]:
    """The fields ``correct`` and ``counts`` of `Accuracy`."""
    if outcomes.dtype == np.bool_:
        return {"correct": np.packbits(outcomes).tobytes().hex(), "counts": 0}
    return {"correct": outcomes.astype("<u2").tobytes().hex(), "counts": outcomes.shape[1]}


def unpack(accuracy: Accuracy) -> Outcomes:
    """Row by row, what the task's metric is reckoned from."""
    stored = bytes.fromhex(accuracy.correct)
    if accuracy.counts:
        width = len(stored) // (accuracy.rows * accuracy.counts)  # older files have one byte
        return np.frombuffer(stored, dtype=f"<u{width}").reshape(accuracy.rows, accuracy.counts)
    return np.unpackbits(np.frombuffer(stored, dtype=np.uint8), count=accuracy.rows).astype(np.bool_)
