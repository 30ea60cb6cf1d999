"""Splits cut out of others: many datasets have no validation rows, or a test split whose labels are kept secret."""

from collections.abc import Mapping
from itertools import combinations
from typing import Literal

from compress.errors import BadInput
from compress.recipe import Split
from compress.sources.table import Table

SPLITS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
UNLABELLED = "unlabelled"
WAY_OUT = "task.splits can cut it out of another, such as { train = 'train[:90%]', validation = 'train[90%:]' }"


def cut_splits(found: Mapping[str, Table], wanted: Mapping[Split, str]) -> dict[str, Table]:
    """`found`, and in place of every split in `wanted` what it says: another one, or a slice as `datasets` writes it.

    Rows keep the order of their source.

    Raises:
        BadInput: there is no such split, what is said is no slice or has no rows, or a row would be in two of
            train, validation and test.
    """
    from datasets import ReadInstruction

    lengths = {split: len(table) for split, table in found.items()}
    spans: dict[str, tuple[str, int, int]] = {split: (split, 0, length) for split, length in lengths.items()}
    for split, said in wanted.items():
        try:
            [part] = ReadInstruction.from_spec(said).to_absolute(lengths)
        except (ValueError, AssertionError) as error:
            raise BadInput(
                f"task.splits.{split}: {said!r} cannot be cut; legal: one of {', '.join(found)}, or a part of it, such "
                "as 'train[90%:]' or 'train[:1000]'"
            ) from error
        if part.from_ >= part.to:
            raise BadInput(
                f"task.splits.{split}: {said!r} has no rows; {part.splitname} has {lengths[part.splitname]:,}"
            )
        spans[split] = (part.splitname, part.from_, part.to)
    for one, other in combinations([split for split in SPLITS if split in spans], 2):
        (source, begin, end), (theirs, start, stop) = spans[one], spans[other]
        if source == theirs and max(begin, start) < min(end, stop):
            raise BadInput(
                f"task.splits: {one} ({wanted.get(one, one)}) and {other} ({wanted.get(other, other)}) share rows; "
                "legal: parts that do not overlap, such as 'train[:90%]' and 'train[90%:]'"
            )
    cut = {split: found[source].part(begin, end) for split, (source, begin, end) in spans.items() if split in wanted}
    return {**found, **cut}
