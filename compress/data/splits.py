"""`task.splits`: splits taken from others. Many datasets have no validation rows, or keep the labels of test secret."""

import re
from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, TaskTable
from pocketbert.compress.tasks import task_class
from pocketbert.compress.tasks.rows import is_grouped

_SLICE = re.compile(r"[^\[\]+]+(\[((-?\d+)?:(-?\d+)?|(-?\d+%)?:(-?\d+%)?)\])?")
"""A split or one slice of it. If only one bound has a percent sign, `datasets` reads the other as a percentage, too."""


class _Span(NamedTuple):
    """Rows `begin` to `end` (exclusive) of a split of the source."""

    source: str
    begin: int
    end: int


def apply_splits(found: Mapping[str, Table], task: TaskTable) -> tuple[dict[str, Table], list[str]]:
    """Return `found` with each split in `task.splits` replaced by the split or slice it names, and a remark for each.

    Rows keep the order of their source.

    Raises:
        BadInput: `task.splits` names an unknown split, is not a slice or selects no rows, a row would be in two splits,
            or a slice is taken from rows that are sorted by label.
    """
    wanted = {str(split): slice_ for split, slice_ in task.splits.items()}
    lengths = {split: len(table) for split, table in found.items()}
    spans = {split: _span(split, wanted.get(split, split), lengths) for split in {**found, **wanted}}
    _check_disjoint(spans, wanted)
    tables, remarks = dict(found), []
    for split, slice_ in wanted.items():
        source, begin, end = spans[split]
        part_only = end - begin < lengths[source] and not task_class(task.kind).token_level
        if part_only and _sorted(found[source], task.label):
            raise BadInput(
                f"task.splits.{split}: {found[source].where} is sorted by label, so a part of it lacks labels; "
                "shuffle its rows and save them as a folder"
            )
        tables[split] = found[source].part(split, begin, end)
        remarks.append(f"{split} is {slice_} of the source: {end - begin:,} rows")
    return tables, remarks


def _span(split: str, slice_: str, lengths: Mapping[str, int]) -> _Span:
    from datasets import ReadInstruction

    if slice_ in lengths:
        return _Span(slice_, 0, lengths[slice_])
    try:
        if not _SLICE.fullmatch(slice_):
            raise ValueError(slice_)
        [part] = ReadInstruction.from_spec(slice_).to_absolute(lengths)
    except (ValueError, AssertionError) as error:
        raise BadInput(
            f"task.splits.{split}: {slice_!r} is no split or slice; expected: one of {', '.join(lengths)}, or a slice, "
            "such as 'train[90%:]' or 'train[:1000]'"
        ) from error
    if part.from_ >= part.to:
        raise BadInput(f"task.splits.{split}: {slice_!r} has no rows; {part.splitname} has {lengths[part.splitname]:,}")
    return _Span(part.splitname, part.from_, part.to)


def _check_disjoint(spans: Mapping[str, _Span], wanted: Mapping[str, str]) -> None:
    """Raise `BadInput` if two splits share a row."""
    for one, other in combinations([split for split in (*SPLITS, UNLABELLED) if split in spans], 2):
        ours, theirs = spans[one], spans[other]
        if ours.source == theirs.source and max(ours.begin, theirs.begin) < min(ours.end, theirs.end):
            raise BadInput(
                f"task.splits: {one} ({wanted.get(one, one)}) and {other} ({wanted.get(other, other)}) share rows; "
                "use slices that do not overlap, such as 'train[:90%]' and 'train[90%:]'"
            )


def _sorted(table: Table, column: str) -> bool:
    """Return whether the rows are grouped by label, with too few labels for that to be an accident."""
    return is_grouped([str(label) for label in table.values(column)])
