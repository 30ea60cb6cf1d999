"""Splits cut out of others: many datasets have no validation rows, or a test split whose labels are kept secret."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, TaskTable

_SLICE = re.compile(r"[^\[\]+]+(\[((-?\d+)?:(-?\d+)?|(-?\d+%)?:(-?\d+%)?)\])?")
"""A split or one part of it. With a sign of percent at one bound alone, `datasets` counts the other in percent, too."""


class _Span(NamedTuple):
    """Rows of one split of the source: the first that is taken, and the first one after those."""

    source: str
    begin: int
    end: int


def cut_splits(found: Mapping[str, Table], task: TaskTable) -> tuple[dict[str, Table], list[str]]:
    """`found`, and in place of every split in `task.splits` what it says: another one, or a slice as `datasets` writes
    it; and a remark for each.

    Rows keep the order of their source.

    Raises:
        BadInput: there is no such split, what is said is no slice or has no rows, a row would be in two splits, or a
            part is cut out of rows that are sorted by label.
    """
    wanted = {str(split): said for split, said in task.splits.items()}
    lengths = {split: len(table) for split, table in found.items()}
    spans = {split: _span(split, wanted.get(split, split), lengths) for split in {**found, **wanted}}
    _check_apart(spans, wanted)
    tables, remarks = dict(found), []
    for split, said in wanted.items():
        source, begin, end = spans[split]
        if end - begin < lengths[source] and task.kind != "tagging" and _sorted(found[source], task.label):
            raise BadInput(
                f"task.splits.{split}: the rows of {source} are sorted by label, a part of them lacks some; legal: "
                "rows in another order (shuffle them and save them as a folder)"
            )
        tables[split] = found[source].part(split, begin, end)
        remarks.append(f"{split} is {said} of the source: {end - begin:,} rows")
    return tables, remarks


def _span(split: str, said: str, lengths: Mapping[str, int]) -> _Span:
    from datasets import ReadInstruction

    if said in lengths:
        return _Span(said, 0, lengths[said])
    try:
        if not _SLICE.fullmatch(said):
            raise ValueError(said)
        [part] = ReadInstruction.from_spec(said).to_absolute(lengths)
    except (ValueError, AssertionError) as error:
        raise BadInput(
            f"task.splits.{split}: {said!r} cannot be cut; legal: one of {', '.join(lengths)}, or a part of it, such "
            "as 'train[90%:]' or 'train[:1000]'"
        ) from error
    if part.from_ >= part.to:
        raise BadInput(f"task.splits.{split}: {said!r} has no rows; {part.splitname} has {lengths[part.splitname]:,}")
    return _Span(part.splitname, part.from_, part.to)


def _check_apart(spans: Mapping[str, _Span], wanted: Mapping[str, str]) -> None:
    """No row may be trained on and judged by, nor counted twice."""
    for one, other in combinations([split for split in (*SPLITS, UNLABELLED) if split in spans], 2):
        ours, theirs = spans[one], spans[other]
        if ours.source == theirs.source and max(ours.begin, theirs.begin) < min(ours.end, theirs.end):
            raise BadInput(
                f"task.splits: {one} ({wanted.get(one, one)}) and {other} ({wanted.get(other, other)}) share rows; "
                "legal: parts that do not overlap, such as 'train[:90%]' and 'train[90%:]'"
            )


def _sorted(table: Table, column: str) -> bool:
    """Whether each label's rows stand together, and are enough for that to be no accident."""
    labels: Sequence[object] = [str(label) for label in table.columns.get(column, ())]
    distinct = len(set(labels))
    return 1 < distinct <= len(labels) / 2 and sum(one != other for one, other in pairwise(labels)) < distinct
