"""Text classification: one label per text, scored by accuracy and macro-F1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.tasks.inputs import Columns, Inputs, largest
from pocketbert.compress.tasks.paired import Drop, newcombe_drop
from pocketbert.compress.tasks.tokenizer import encode_texts, pad_id


class Classification:
    """Text classification; guard and gate compare accuracy."""

    kind = "classification"
    metric = "accuracy"
    columns: tuple[str, ...] = ("text",)
    token_level = False
    linear_control = True

    def __init__(self, labels: list[str], max_length: int) -> None:
        self.labels = labels
        self.max_length = max_length

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Tokenize each text, truncated to `max_length` tokens."""
        sequences, _, truncated = encode_texts(tokenizer, rows["text"], self.max_length)
        return Inputs(sequences, pad_id(tokenizer), truncated=truncated)

    def texts(self, rows: Columns) -> list[str]:
        """Return the texts."""
        return list(rows["text"])

    def show(self, rows: Columns, row: int) -> str:
        """Return the text of one row."""
        return str(rows["text"][row])

    def show_label(self, rows: Columns, row: int) -> str:
        """Return the name of the row's label."""
        return self.labels[rows["label"][row]]

    def scores(self, logits: NDArray[np.float32], gold: Sequence[int]) -> dict[str, float]:
        """Compute ``accuracy`` and ``macro_f1`` as fractions, over the labels that are true or predicted."""
        predicted, truth = largest(logits), np.asarray(gold)
        every = [f1(predicted == label, truth == label) for label in np.union1d(predicted, truth)]
        return {"accuracy": float(np.mean(predicted == truth)), "macro_f1": float(np.mean(every))}

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[int]) -> NDArray[np.bool_]:
        """Return, per row, whether the label with the largest logit is the gold one."""
        result: NDArray[np.bool_] = largest(logits) == np.asarray(gold)
        return result

    def right(self, outcomes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the outcomes themselves."""
        return outcomes

    def drop(self, reference: NDArray[np.bool_], candidate: NDArray[np.bool_], confidence: float) -> Drop:
        """Compute the drop of accuracy with Newcombe's interval for paired proportions."""
        return newcombe_drop(reference, candidate, confidence)


def f1(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Compute the F1 of one label; 0 if the label is neither predicted nor true in any row."""
    total = int(predicted.sum() + true.sum())
    return 2 * int(np.sum(predicted & true)) / total if total else 0.0
