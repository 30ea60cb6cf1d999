"""Do these two clauses follow each other? Pairs from the People's Daily, whose words are joined to plain text.

A row's first clause is followed in the paper by its second one (``yes``), or it is not (``no``). Half of the wrong
second clauses come from the same paragraph, at least three clauses away, so that a shared subject does not decide;
the others come from another paragraph. What would give the answer away in one clause alone is kept out: the second
clauses of the wrong pairs are those of other wrong pairs, exchanged (each clause is in one row only), every unit of
rows that came out of the same paragraphs has as many of either label, and no clause keeps its punctuation or has
quotation marks and brackets, which would open in one clause and close in the next.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compress.sources.corpus import Word, corpus_file, read_paragraphs, shuffled, split_paragraphs
from compress.sources.data import Data

if TYPE_CHECKING:
    from datasets import Dataset

LABELS = ("no", "yes")
ROWS = {"train": 20_000, "validation": 2_000, "test": 3_000}
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


def hard_rows(four: Sequence[Pair], turned: bool) -> list[Row]:
    """Four pairs in the order of their paragraph: two stay, the other two exchange their second clauses.

    It is the first and the third that exchange, or, `turned`, the second and the fourth. Between them lies a whole
    pair, so that a wrong second clause stands at least three clauses before its first one, or five after it.
    """
    wrong, right = (four[1::2], four[0::2]) if turned else (four[0::2], four[1::2])
    (first, second), (other_first, other_second) = wrong
    return [
        *(Row(*pair, label=1) for pair in right),
        Row(first, other_second, label=0),
        Row(other_first, second, label=0),
    ]


def easy_rows(twos: Sequence[tuple[Pair, Pair]]) -> list[list[Row]]:
    """Two rows for each two pairs: the first one stays, the second takes the second clause of the next two's second.

    The second pairs all come from different paragraphs.
    """
    wrong = [pair for _, pair in twos]
    return [
        [Row(*right, label=1), Row(first, second, label=0)]
        for (right, (first, _)), (_, second) in zip(twos, [*wrong[1:], *wrong[:1]], strict=True)
    ]


def make_rows(paragraphs: Iterable[Sequence[str]], usable: set[str], limit: int) -> list[Row]:
    """At most `limit` rows of a split, from the clauses of each of its paragraphs; shuffled.

    A paragraph's pairs make hard rows by fours. Of the one, two or three left over one or two make easy rows.
    """
    hard: list[list[Row]] = []
    twos: list[tuple[Pair, Pair]] = []
    ones: list[Pair] = []
    for clauses in paragraphs:
        pairs = adjacent_pairs(clauses, usable)
        while len(pairs) >= 4:
            hard.append(hard_rows(pairs[:4], turned=len(hard) % 2 == 1))
            del pairs[:4]
        if len(pairs) >= 2:
            first, second = pairs[:2]
            twos.append((first, second) if len(twos) % 2 else (second, first))
        else:
            ones += pairs
    twos += zip(ones[::2], ones[1::2], strict=False)
    easy = easy_rows(twos) if len(twos) > 1 else []
    units = [*hard[: limit // 8], *easy[: limit // 4]]
    return shuffled(row for unit in units for row in unit)


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
    from compress.sources.columns import as_dataset

    columns = {key: [getattr(row, key) for row in rows] for key in Row._fields}
    return as_dataset("matching", columns, LABELS)
