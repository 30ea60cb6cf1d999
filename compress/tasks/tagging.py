"""One label per word (or character): entities, found as the CoNLL shared tasks count them."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.inputs import Columns, Inputs
from pocketbert.compress.tasks.paired import Drop, bootstrap_f1_drop
from pocketbert.compress.tasks.tokenizer import pad_id, unknown_id

_OUTSIDE = "O"
_PREFIXES = ("B-", "I-", "E-", "S-")
_OVERLAP = 4
"""A window shares a quarter of its length with the one before."""
Span = tuple[str, int, int]
"""Type, first word, last word."""


class Tagging:
    """Sequence labelling; guarded and gated on entity-level F1.

    An entity is right when type, first and last word are (Tjong Kim Sang and De Meulder 2003, CoNLL-2003). A word is
    labelled at its first piece; its other pieces, and special tokens, have no label.
    """

    kind = "tagging"
    metric = "f1"
    columns: tuple[str, ...] = ("tokens",)
    token_level = True
    linear_control = False

    def __init__(self, labels: list[str], max_length: int) -> None:
        if wrong := [label for label in labels if label != _OUTSIDE and not label.startswith(_PREFIXES)]:
            legal = ", ".join(f"{prefix}TYPE" for prefix in _PREFIXES)
            raise BadInput(f"tagging: label {wrong[0]!r} marks no entity; legal: {_OUTSIDE}, {legal}")
        self.labels = labels
        self.max_length = max_length

    def encode(self, tokenizer: Tokenizer, rows: Columns) -> Inputs:
        """Each row's words in pieces. No row is cut: one longer than `max_length` is read in overlapping windows. A
        word that is longer by itself loses its end; such rows are counted.

        A word counts in the window in which it has more neighbours on its poorer side.
        """
        special = tokenizer.encode("").ids
        before, after = special[:1], special[1:]
        budget = self.max_length - len(special)
        pieces = _pieces(tokenizer)
        sequences: list[list[int]] = []
        scored: list[list[int]] = []
        numbers: list[int] = []
        longer = 0
        for number, words in enumerate(rows["tokens"]):
            cut = [pieces(word)[:budget] for word in words]
            longer += any(len(pieces(word)) > budget for word in words)
            for read, counted in windows([len(word) for word in cut], budget):
                starts = np.cumsum([len(before), *(len(cut[word]) for word in read)])
                sequences.append([*before, *(piece for word in read for piece in cut[word]), *after])
                scored.append([int(starts[word - read.start]) for word in counted])
                numbers.append(number)
        return Inputs(sequences, pad_id(tokenizer), scored=scored, rows=numbers, cut=longer)

    def texts(self, rows: Columns) -> list[str]:
        """Every word once: the tokenizer is given one at a time."""
        return sorted({word for words in rows["tokens"] for word in words})

    def show(self, rows: Columns, row: int) -> str:
        """The words; Chinese ones without blanks between them."""
        words = rows["tokens"][row]
        return ("" if all(len(word) == 1 for word in words) else " ").join(words)

    def show_label(self, rows: Columns, row: int) -> str:
        """Its entities."""
        words = rows["tokens"][row]
        found = sorted(self._entities(rows["label"][row]), key=lambda span: span[1])
        return ", ".join(f"{type_} {''.join(words[first : last + 1])}" for type_, first, last in found) or "none"

    def scores(self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]) -> dict[str, float]:
        """``f1``, ``precision`` and ``recall`` over the entities of all rows, as fractions."""
        hit, claimed, true = self.outcomes(logits, gold).sum(axis=0, dtype=np.int64).tolist()
        return {
            "f1": 2 * hit / (claimed + true) if claimed + true else 0.0,
            "precision": hit / claimed if claimed else 0.0,
            "recall": hit / true if true else 0.0,
        }

    def outcomes(self, logits: NDArray[np.float32], gold: Sequence[Sequence[int]]) -> NDArray[np.uint16]:
        """Row by row: entities found, claimed and true, (rows, 3)."""
        predicted = logits.argmax(axis=1)
        counts, at = np.zeros((len(gold), 3), dtype=np.uint16), 0
        for row, labels in enumerate(gold):
            claimed, true = self._entities(predicted[at : at + len(labels)]), self._entities(labels)
            counts[row] = [len(claimed & true), len(claimed), len(true)]
            at += len(labels)
        return counts

    def right(self, outcomes: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Rows in which every entity was found and none claimed besides."""
        result: NDArray[np.bool_] = (outcomes == outcomes[:, :1]).all(axis=1)
        return result

    def drop(self, reference: NDArray[np.uint16], candidate: NDArray[np.uint16], confidence: float) -> Drop:
        """The difference of the two F1 with its paired bootstrap interval."""
        return bootstrap_f1_drop(reference, candidate, confidence)

    def _entities(self, labels: Sequence[int] | NDArray[np.intp]) -> set[Span]:
        from seqeval.metrics.sequence_labeling import get_entities

        return set(get_entities([self.labels[label] for label in labels]))


def windows(lengths: Sequence[int], budget: int) -> Iterator[tuple[range, range]]:
    """Overlapping windows over words of these lengths, each of at most `budget` pieces.

    Yields the words that a window reads and those that count in it; every word counts exactly once.
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
    """Word -> its pieces, at least one; each different word is cut once."""
    known: dict[str, list[int]] = {}
    unknown = unknown_id(tokenizer)

    def pieces(word: str) -> list[int]:
        if word not in known:
            # What the normaliser throws away (a control character) still has to be labelled.
            known[word] = tokenizer.encode(word, add_special_tokens=False).ids or [unknown or 0]
        return known[word]

    return pieces
