"""Text matching: one label per pair of texts, scored by accuracy and F1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.tasks.classification import Classification, f1
from pocketbert.compress.tasks.inputs import Columns, Inputs, largest
from pocketbert.compress.tasks.tokenizer import encode_texts, pad_id


class Matching(Classification):
    """Sentence pairs; guard and gate compare accuracy."""

    kind = "matching"
    columns = ("text", "text_pair")
    linear_control = False

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Tokenize each pair in the tokenizer's own template; if a pair is too long, its longer text is truncated."""
        pairs = list(zip(rows["text"], rows["text_pair"], strict=True))
        sequences, types, truncated = encode_texts(tokenizer, pairs, self.max_length)
        typed = any(tokenizer.encode("a", "b").type_ids)
        return Inputs(sequences, pad_id(tokenizer), types if typed else None, truncated=truncated)

    def texts(self, rows: Columns) -> list[str]:
        """Return both texts of every pair."""
        return [*rows["text"], *rows["text_pair"]]

    def show(self, rows: Columns, row: int) -> str:
        """Return both texts of one row."""
        return f"{rows['text'][row]} ／ {rows['text_pair'][row]}"

    def scores(self, logits: NDArray[np.float32], gold: Sequence[int]) -> dict[str, float]:
        """Compute ``accuracy`` and ``f1``: F1 of the second of two labels (the positive one), else the mean of all."""
        predicted, truth = largest(logits), np.asarray(gold)
        wanted = [1] if len(self.labels) == 2 else range(len(self.labels))
        every = [f1(predicted == label, truth == label) for label in wanted]
        return {"accuracy": float(np.mean(predicted == truth)), "f1": float(np.mean(every))}
