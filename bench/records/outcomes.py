"""Outcomes of test rows as text: the fields `correct` and `counts` of a score."""

from typing import Any

import numpy as np

from pocketbert.bench.records.results import Accuracy
from pocketbert.compress.tasks import Outcomes


def pack(outcomes: Outcomes) -> dict[str, Any]:
    """Encode outcomes, (rows,) or (rows, counts), as the fields ``correct`` and ``counts`` of `Accuracy`."""
    if outcomes.dtype == np.bool_:
        return {"correct": np.packbits(outcomes).tobytes().hex(), "counts": 0}
    return {"correct": outcomes.astype("<u2").tobytes().hex(), "counts": outcomes.shape[1]}


def unpack(accuracy: Accuracy) -> Outcomes:
    """Decode the outcomes of each row, (rows,) or (rows, counts), from which the task computes its metric."""
    stored = bytes.fromhex(accuracy.correct)
    if accuracy.counts:
        width = len(stored) // (accuracy.rows * accuracy.counts)  # older files have one byte
        return np.frombuffer(stored, dtype=f"<u{width}").reshape(accuracy.rows, accuracy.counts)
    return np.unpackbits(np.frombuffer(stored, dtype=np.uint8), count=accuracy.rows).astype(np.bool_)
