"""Pairs of clauses from the People's Daily: does the second clause follow the first one?

In the paper the first clause of a row is followed by its second one (``yes``), or the second clause is from another
paragraph (``no``): the next-sentence prediction of BERT (Devlin et al. 2019). Second clauses from the same paragraph
were tried: with half of the ``no`` rows made so, the offline teacher learnt nothing from 20,000 rows.

No clause alone gives the answer away. The ``no`` rows exchange their second clauses, and each clause is in one row
only. Every paragraph has as many first clauses of either label. Clauses lose their punctuation, and those with
quotation marks or brackets, which would open in one clause and close in the next, are left out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pocketbert.compress.data.builtin.corpus import Word, corpus_file, read_paragraphs, shuffled, split_paragraphs
from pocketbert.compress.data.load import Builtin

LABELS = ("no", "yes")
ROWS = {"train": 20_000, "validation": 2_000, "test": 2_500}
_BETWEEN_CLAUSES = re.compile("[，。；！？]+")
_USABLE = re.compile("[^“”‘’『』（）《》〈〉［］…]{6,40}")


class Row(NamedTuple):
    """Two clauses; `label` is an index into `LABELS`."""

    text: str
    text_pair: str
    label: int


Pair = tuple[str, str]
"""Two clauses that follow each other."""


def clauses_of(words: Iterable[Word]) -> list[str]:
    """Split the text of a paragraph at its ，。；！？ and drop them."""
    return _BETWEEN_CLAUSES.split("".join(word for word, _ in words))


def adjacent_pairs(clauses: Sequence[str], usable: set[str]) -> list[Pair]:
    """Return pairs of adjacent usable clauses, in order; no clause is in two pairs."""
    pairs: list[Pair] = []
    at = 0
    while at + 1 < len(clauses):
        first, second = clauses[at : at + 2]
        if first in usable and second in usable:
            pairs.append((first, second))
            at += 1
        at += 1
    return pairs


def twos_of(paragraphs: Iterable[Sequence[Pair]]) -> list[tuple[Pair, Pair]]:
    """Group the pairs of each paragraph by twos, ordered so that adjacent twos are from different paragraphs.

    The order is: the first two of each paragraph, then the second two, and so on; the last and the first also differ.
    In every other two the later pair comes first.
    """
    rounds: list[list[tuple[Pair, Pair]]] = []
    for pairs in paragraphs:
        for n, two in enumerate(zip(pairs[::2], pairs[1::2], strict=False)):
            if n == len(rounds):
                rounds.append([])
            rounds[n].append(two[::-1] if len(rounds[n]) % 2 else two)
    return [two for members in rounds if len(members) > 1 for two in members]


def make_rows(paragraphs: Iterable[Sequence[str]], usable: set[str], limit: int) -> list[Row]:
    """Return at most `limit` rows of a split, shuffled; `paragraphs` are lists of clauses.

    The first pair of each two is a ``yes`` row; the second pair takes its second clause from the next two, as ``no``.
    """
    twos = twos_of(adjacent_pairs(clauses, usable) for clauses in paragraphs)[: limit // 2]
    right = [Row(*pair, label=1) for pair, _ in twos]
    wrong = [pair for _, pair in twos]
    exchanged = zip(wrong, [*wrong[1:], *wrong[:1]], strict=True)
    return shuffled([*right, *(Row(first, second, label=0) for (first, _), (_, second) in exchanged)])


def load(file: Path | None = None) -> Builtin:
    """Return columns ``text``, ``text_pair`` and ``label``, at most `ROWS` of each split.

    Paragraphs are assigned to splits before they are split into clauses. A clause is used if it occurs once in the
    corpus, has 6 to 40 characters and no quotation mark or bracket.
    """
    paragraphs, repeated = read_paragraphs(file or corpus_file("builtin:adjacent-clauses"))
    clauses_by_paragraph = [clauses_of(words) for words in paragraphs]
    times = Counter(clause for clauses in clauses_by_paragraph for clause in clauses if clause)
    fit = {clause for clause in times if _USABLE.fullmatch(clause)}
    usable = {clause for clause in fit if times[clause] == 1}
    splits = split_paragraphs(clauses_by_paragraph)
    rows = {split: make_rows(splits[split], usable, limit) for split, limit in ROWS.items()}
    used = sum(2 * len(members) for members in rows.values())
    remarks = [
        f"{repeated:,} of {len(paragraphs) + repeated:,} paragraphs repeat another: left out before splitting",
        f"of {len(times):,} different clauses {len(fit):,} have 6 to 40 characters and no quotation mark or bracket, "
        f"{len(usable):,} of them stand in the corpus once, and {used:,} of these in a row",
    ]
    columns = {
        split: {key: [getattr(row, key) for row in members] for key in Row._fields} for split, members in rows.items()
    }
    return Builtin(columns, LABELS, remarks)
