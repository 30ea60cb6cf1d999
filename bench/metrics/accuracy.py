"""Accuracy: the file itself, in its own runtime, over the whole test split."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.child import Child
from bench.results import Accuracy, Interval
from bench.subject import Rows
from compress.manifest import Comparison
from compress.tasks import Task
from compress.tasks.encoding import predict


def measure_accuracy(
    child: Child, task: Task, rows: Rows, sequences: list[list[int]], padding: int, done: Callable[[int], None]
) -> Accuracy:
    """Score the artifact that `child` holds; `done` is told how many rows each batch had. The drop comes later."""
    logits = predict(child.logits, sequences, padding, progress=done)
    scores = task.scores(logits, rows.gold)
    return Accuracy(
        metric=task.metric,
        value=scores[task.metric],
        scores=scores,
        rows=len(rows.gold),
        drop=None,
        correct=pack(task.correct(logits, rows.gold)),
        test_sha256=rows.sha256,
    )


def with_drop(accuracy: Accuracy, reference: Accuracy, task: Task, confidence: float) -> Accuracy:
    """The same with its drop against the reference on the same rows, in the task's own interval."""
    drop = task.drop(unpack(reference), unpack(accuracy), confidence)
    interval = Interval(estimate=drop.estimate, low=drop.low, high=drop.high)
    return accuracy.model_copy(update={"drop": interval})


def against(other: NDArray[np.float32], accuracy: Accuracy, task: Task, rows: Rows, confidence: float) -> Comparison:
    """A scored artifact beside another model's answers to the same rows, (rows, labels); the other is the reference."""
    drop = task.drop(task.correct(other, rows.gold), unpack(accuracy), confidence)
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


def pack(correct: NDArray[np.bool_]) -> str:
    """One bit per row, big-endian, hexadecimal."""
    return np.packbits(correct).tobytes().hex()


def unpack(accuracy: Accuracy) -> NDArray[np.bool_]:
    """Row by row, was it right? (rows,)"""
    bits = np.frombuffer(bytes.fromhex(accuracy.correct), dtype=np.uint8)
    return np.unpackbits(bits, count=accuracy.rows).astype(np.bool_)
