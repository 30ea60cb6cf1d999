"""One label per text: accuracy, and macro-F1 beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compress.tasks.paired import Drop, newcombe_drop


class Classification:
    """Text classification; guarded and gated on accuracy."""

    kind = "classification"
    metric = "accuracy"

    def __init__(self, labels: list[str], max_length: int) -> None:
        self.labels = labels
        self.max_length = max_length

    def scores(self, logits: NDArray[np.float32], gold: Sequence[int]) -> dict[str, float]:
        """``accuracy`` and ``macro_f1``, as fractions."""
        predicted, truth = logits.argmax(axis=1), np.asarray(gold)
        f1 = []
        for label in range(len(self.labels)):
            hit = np.sum((predicted == label) & (truth == label))
            claimed_or_true = np.sum(predicted == label) + np.sum(truth == label)
            f1.append(2 * hit / claimed_or_true if claimed_or_true else 0.0)
        return {"accuracy": float(np.mean(predicted == truth)), "macro_f1": float(np.mean(f1))}

    def correct(self, logits: NDArray[np.float32], gold: Sequence[int]) -> NDArray[np.bool_]:
        """Row by row: is the label with the largest logit the gold one?"""
        result: NDArray[np.bool_] = logits.argmax(axis=1) == np.asarray(gold)
        return result

    def drop(self, reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float) -> Drop:
        """Newcombe's interval of the difference of paired proportions."""
        return newcombe_drop(reference, candidate, confidence)
