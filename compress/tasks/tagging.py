"""Tagging: one label per word (or character), scored by entity as in the CoNLL shared tasks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.tasks.inputs import Columns, Inputs, largest
from pocketbert.compress.tasks.paired import Drop, bootstrap_f1_drop
from pocketbert.compress.tasks.schemes import Span, as_bioes, spans
from pocketbert.compress.tasks.tokenizer import pad_id, room, token_ids, unknown_id

_OVERLAP = 4
"""A window shares a quarter of its length with the window before."""


class Tagging:
    """Sequence labelling; guard and gate compare entity-level F1.

    An entity is right when type, first and last word are (Tjong Kim Sang and De Meulder 2003, CoNLL-2003). A word is
    labelled at its first piece; its other pieces, and special tokens, have no label. `schemes` says which labels mark
    entities.
    """

    kind = "tagging"
    metric = "f1"
    columns: tuple[str, ...] = ("tokens",)
    token_level = True
    linear_control = False

    def __init__(self, labels: list[str], max_length: int) -> None:
        self._marks = as_bioes(labels)
        self.labels = labels
        self.max_length = max_length

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Tokenize each row word by word; a row longer than `max_length` becomes several overlapping windows.

        A word is scored in the window that shows more of its context on the shorter side. A single word longer than
        `max_length` is truncated; rows with such a word are counted as truncated.
        """
        special = tokenizer.encode("").ids
        before, after = special[:1], special[1:]
        budget = room(tokenizer, self.max_length)
        pieces = _pieces(tokenizer)
        sequences: list[list[int]] = []
        scored: list[list[int]] = []
        row_of: list[int] = []
        truncated = 0
        for row, words in enumerate(rows["tokens"]):
            ids = [pieces(word)[:budget] for word in words]
            truncated += any(len(pieces(word)) > budget for word in words)
            for read, counted in windows([len(word) for word in ids], budget):
                starts = np.cumsum([len(before), *(len(ids[word]) for word in read)])
                sequences.append([*before, *(piece for word in read for piece in ids[word]), *after])
                scored.append([int(starts[word - read.start]) for word in counted])
                row_of.append(row)
        return Inputs(sequences, pad_id(tokenizer), scored=scored, rows=row_of, truncated=truncated)

    def texts(self, rows: Columns) -> list[str]:
        """Return every distinct word: words are tokenized one at a time."""
        return sorted({word for words in rows["tokens"] for word in words})

    def show(self, rows: Columns, row: int) -> str:
        """Return the words of one row, without blanks between single characters."""
        words = rows["tokens"][row]
        return ("" if all(len(word) == 1 for word in words) else " ").join(words)

    def show_label(self, rows: Columns, row: int) -> str:
        """Return the gold entities of one row."""
        words = rows["tokens"][row]
        found = sorted(self.entities(rows["label"][row]), key=lambda span: span[1])
        return ", ".join(f"{type_} {''.join(words[first : last + 1])}" for type_, first, last in found) or "none"

    def scores(self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]) -> dict[str, float]:
        """Compute ``f1``, ``precision`` and ``recall`` over the entities of all rows, as fractions."""
        hit, predicted, true = self.outcomes(logits, gold).sum(axis=0, dtype=np.int64).tolist()
        return {
            "f1": 2 * hit / (predicted + true) if predicted + true else 0.0,
            "precision": hit / predicted if predicted else 0.0,
            "recall": hit / true if true else 0.0,
        }

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]) -> NDArray[np.uint16]:
        """Count, per row, the entities found, predicted and true, (rows, 3)."""
        counts = [[len(ours & theirs), len(ours), len(theirs)] for ours, theirs in self._pairs(logits, gold)]
        return np.array(counts, dtype=np.uint16).reshape(-1, 3)

    def by_type(self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]) -> dict[str, tuple[int, int, int]]:
        """Count the entities found, predicted and true of each type, over all rows; types in alphabetical order."""
        found, predicted, true = Counter[str](), Counter[str](), Counter[str]()
        for ours, theirs in self._pairs(logits, gold):
            found.update(kind for kind, *_ in ours & theirs)
            predicted.update(kind for kind, *_ in ours)
            true.update(kind for kind, *_ in theirs)
        return {kind: (found[kind], predicted[kind], true[kind]) for kind in sorted(predicted | true)}

    def _pairs(
        self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]
    ) -> Iterator[tuple[set[Span], set[Span]]]:
        """Yield the predicted and the true entities of each row."""
        predicted, at = largest(logits), 0
        for labels in gold:
            yield self.entities(predicted[at : at + len(labels)]), self.entities(labels)
            at += len(labels)

    def right(self, outcomes: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return, per row, whether exactly the true entities were predicted."""
        result: NDArray[np.bool_] = (outcomes == outcomes[:, :1]).all(axis=1)
        return result

    def drop(self, reference: NDArray[np.uint16], candidate: NDArray[np.uint16], confidence: float) -> Drop:
        """Compute the drop of F1 with its paired bootstrap interval."""
        return bootstrap_f1_drop(reference, candidate, confidence)

    def entities(self, labels: Sequence[int] | NDArray[np.intp]) -> set[Span]:
        """Return the entities that the labels of one row mark."""
        return set(spans([self._marks[label] for label in labels]))


def windows(lengths: Sequence[int], budget: int) -> Iterator[tuple[range, range]]:
    """Split words of these lengths into overlapping windows of at most `budget` pieces.

    Yields (words in the window, words scored in the window); every word is scored exactly once.
    """
    start = counted = 0
    while True:
        end, pieces = start, 0
        while end < len(lengths) and pieces + lengths[end] <= budget:
            pieces += lengths[end]
            end += 1
        following, shared = end, 0
        while following - 1 > start and shared + lengths[following - 1] <= budget // _OVERLAP:
            following -= 1
            shared += lengths[following]
        border = len(lengths) if end == len(lengths) else (following + end + 1) // 2
        yield range(start, end), range(counted, border)
        if end == len(lengths):
            return
        start, counted = following, border


def _pieces(tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    """Return a function word -> ids of its pieces, at least one; each distinct word is tokenized once."""
    known: dict[str, list[int]] = {}
    unknown = unknown_id(tokenizer)

    def pieces(word: str) -> list[int]:
        if word not in known:
            # A word that the normaliser removes (a control character) still has to be labelled.
            known[word] = next(token_ids(tokenizer, [word], special=False)) or [unknown or 0]
        return known[word]

    return pieces
