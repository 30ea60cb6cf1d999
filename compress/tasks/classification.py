"""One label per text: accuracy, and macro-F1 beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.tasks.inputs import Columns, Inputs
from pocketbert.compress.tasks.paired import Drop, newcombe_drop
from pocketbert.compress.tasks.tokenizer import encode_texts, pad_id


class Classification:
    """Text classification; guarded and gated on accuracy."""

    kind = "classification"
    metric = "accuracy"
    columns: tuple[str, ...] = ("text",)
    token_level = False
    linear_control = True

    def __init__(self, labels: list[str], max_length: int) -> None:
        self.labels = labels
        self.max_length = max_length

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Each text, cut at `max_length` tokens."""
        sequences, _, cut = encode_texts(tokenizer, rows["text"], self.max_length)
        return Inputs(sequences, pad_id(tokenizer), cut=cut)

    def texts(self, rows: Columns) -> list[str]:
        """The texts."""
        return list(rows["text"])

    def show(self, rows: Columns, row: int) -> str:
        """The text."""
        return str(rows["text"][row])

    def show_label(self, rows: Columns, row: int) -> str:
        """The label's name."""
        return self.labels[rows["label"][row]]

    def scores(self, logits: NDArray[np.float32], gold: Sequence[int]) -> dict[str, float]:
        """``accuracy`` and ``macro_f1``, as fractions; a label that no row has and none is given does not count."""
        predicted, truth = logits.argmax(axis=1), np.asarray(gold)
        every = [f1(predicted == label, truth == label) for label in np.union1d(predicted, truth)]
        return {"accuracy": float(np.mean(predicted == truth)), "macro_f1": float(np.mean(every))}

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[int]) -> NDArray[np.bool_]:
        """Row by row: is the label with the largest logit the gold one?"""
        result: NDArray[np.bool_] = logits.argmax(axis=1) == np.asarray(gold)
        return result

    def right(self, outcomes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The outcomes themselves."""
        return outcomes

    def drop(self, reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float) -> Drop:
        """Newcombe's interval of the difference of paired proportions."""
        return newcombe_drop(reference, candidate, confidence)


def f1(claimed: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall of one label; 0 where it is neither claimed nor true."""
    claimed_or_true = int(claimed.sum() + true.sum())
    return 2 * int(np.sum(claimed & true)) / claimed_or_true if claimed_or_true else 0.0
