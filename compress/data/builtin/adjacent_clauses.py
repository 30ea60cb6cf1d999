"""Do these two clauses follow each other? Pairs from the People's Daily, whose words are joined to plain text.

A row's first clause is followed in the paper by its second one (``yes``), or by a clause of another paragraph
(``no``): the next-sentence prediction of BERT (Devlin et al. 2019). Wrong clauses of the same paragraph were tried: of
20,000 rows half of whose wrong ones were such, the offline teacher learnt nothing.

What would give the answer away in one clause alone is kept out: the second clauses of the wrong pairs are those of
other wrong pairs, exchanged (each clause is in one row only), every paragraph that has rows has as many first clauses
of either label, and no clause keeps its punctuation or has quotation marks and brackets, which would open in one clause
and close in the next.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pocketbert.compress.data.builtin.corpus import Word, corpus_file, read_paragraphs, shuffled, split_paragraphs
from pocketbert.compress.data.load import Data

if TYPE_CHECKING:
    from datasets import Dataset

LABELS = ("no", "yes")
ROWS = {"train": 20_000, "validation": 2_000, "test": 2_500}
_BETWEEN_CLAUSES = re.compile("[，。；！？]+")
_USABLE = re.compile("[^“”‘’『』（）《》〈〉［］…]{6,40}")


class Row(NamedTuple):
    """Two clauses; `label` is a place in `LABELS`."""

    text: str
    text_pair: str
    label: int


Pair = tuple[str, str]
"""Two clauses that follow each other."""


def clauses_of(words: Iterable[Word]) -> list[str]:
    """What stands between the ，。；！？ of a paragraph, without them."""
    return _BETWEEN_CLAUSES.split("".join(word for word, _ in words))


def adjacent_pairs(clauses: Sequence[str], usable: set[str]) -> list[Pair]:
    """Pairs of neighbours, both of them usable; in order, and no clause in two pairs."""
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
    """The pairs of each paragraph by twos, so ordered that neighbours, and the last and the first, have different
    paragraphs: the first two of each paragraph, the second two of those that have one, and so on. In every other two
    the later pair comes first.
    """
    rounds: list[list[tuple[Pair, Pair]]] = []
    for pairs in paragraphs:
        for n, two in enumerate(zip(pairs[::2], pairs[1::2], strict=False)):
            if n == len(rounds):
                rounds.append([])
            rounds[n].append(two[::-1] if len(rounds[n]) % 2 else two)
    return [two for members in rounds if len(members) > 1 for two in members]


def make_rows(paragraphs: Iterable[Sequence[str]], usable: set[str], limit: int) -> list[Row]:
    """At most `limit` rows of a split, from the clauses of each of its paragraphs; shuffled.

    Of two pairs the first one is a row as it is; the second takes the second clause of the next two's second pair.
    """
    twos = twos_of(adjacent_pairs(clauses, usable) for clauses in paragraphs)[: limit // 2]
    right = [Row(*pair, label=1) for pair, _ in twos]
    wrong = [pair for _, pair in twos]
    exchanged = zip(wrong, [*wrong[1:], *wrong[:1]], strict=True)
    return shuffled([*right, *(Row(first, second, label=0) for (first, _), (_, second) in exchanged)])


def load(file: Path | None = None) -> Data:
    """Columns ``text``, ``text_pair`` and ``label`` in train, validation and test, at most `ROWS` of each.

    Paragraphs are split before they are cut. A clause is used when it stands in the corpus once, has 6 to 40
    characters and no quotation mark or bracket.
    """
    from datasets import DatasetDict

    paragraphs, repeated = read_paragraphs(file or corpus_file("builtin:adjacent-clauses"))
    cut = [clauses_of(words) for words in paragraphs]
    times = Counter(clause for clauses in cut for clause in clauses if clause)
    fit = {clause for clause in times if _USABLE.fullmatch(clause)}
    usable = {clause for clause in fit if times[clause] == 1}
    splits = split_paragraphs(cut)
    rows = {split: make_rows(splits[split], usable, limit) for split, limit in ROWS.items()}
    used = sum(2 * len(members) for members in rows.values())
    remarks = [
        f"{repeated:,} of {len(paragraphs) + repeated:,} paragraphs repeat another: left out before splitting",
        f"of {len(times):,} different clauses {len(fit):,} have 6 to 40 characters and no quotation mark or bracket, "
        f"{len(usable):,} of them stand in the corpus once, and {used:,} of these in a row",
    ]
    return Data(DatasetDict({split: _table(members) for split, members in rows.items()}), remarks)


def _table(rows: Sequence[Row]) -> "Dataset":
    from pocketbert.compress.data.columns import as_dataset

    columns = {key: [getattr(row, key) for row in rows] for key in Row._fields}
    return as_dataset("matching", columns, LABELS)
