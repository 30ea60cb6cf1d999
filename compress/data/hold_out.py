"""`task.hold_out`: validation and test rows that are taken from the training rows, by a hash of their text."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.data.overlap import normalised
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import HELD_OUT, TaskTable
from pocketbert.compress.tasks import task_class


def hold_out(found: Mapping[str, Table], task: TaskTable) -> tuple[dict[str, Table], list[str]]:
    """Return `found` with the splits that `task.hold_out` takes from its training rows, and a remark for each.

    The rows are ordered by the SHA-256 of the normalised text, and of each label (tagging: of the rows with and without
    entities) the first texts are taken. The order in which the rows are listed therefore has no influence, further rows
    move few others, and rows with one text are in one split. A label with a text for every split is in every split.

    Raises:
        BadInput: the dataset has such a split already.
    """
    if twice := [split for split in task.hold_out if split in found]:
        raise BadInput(f"task.hold_out.{twice[0]}: the dataset has a {twice[0]} split already; remove this key")
    if not task.hold_out or "train" not in found:
        return dict(found), []
    train = found["train"]
    rows = _rows(train, task)
    tables = {**found, **{split: train.chosen(split, numbers) for split, numbers in rows.items()}}
    return tables, [
        f"{split} is {percent(share, 0)} of the texts of train, by a hash of the text: {len(rows[split]):,} rows"
        for split, share in task.hold_out.items()
    ]


def _rows(train: Table, task: TaskTable) -> dict[str, list[int]]:
    """Return the numbers of the rows of train and of each split that is held out, in the order of the hashes."""
    texts = list(_texts(train, task))
    order = sorted(range(len(texts)), key=lambda row: _hashed(texts[row]))
    labels = [_stratum(label) for label in train.values(task.label)] or [""] * len(texts)
    label_of: dict[str, str] = {}
    for row in order:
        label_of[texts[row]] = min(labels[row], label_of.get(texts[row], labels[row]))
    alike: dict[str, list[str]] = {}  # the texts of each label
    for text, label in label_of.items():
        alike.setdefault(label, []).append(text)
    wanted = {split: task.hold_out[split] for split in HELD_OUT if split in task.hold_out}
    split_of: dict[str, str] = {}
    for same in alike.values():
        left = iter(same)
        for split, share in wanted.items():
            count = max(1, int(share * len(same))) if len(same) > len(wanted) else 0
            split_of |= dict.fromkeys(islice(left, count), split)
    return {split: [row for row in order if split_of.get(texts[row], "train") == split] for split in ("train", *wanted)}


def _texts(train: Table, task: TaskTable) -> Iterator[str]:
    """Yield the normalised text of each row; a column that is missing is told when all columns are checked.

    The texts of a pair are sorted: data sets that list each pair in both orders must not have one of them in test.
    """
    columns = [train.values(getattr(task, key)) for key in task_class(task.kind).columns]
    for values in zip(*(column or [""] * len(train) for column in columns), strict=True):
        parts = (normalised("".join(map(str, text)) if isinstance(text, list) else str(text)) for text in values)
        yield "\n".join(sorted(parts))


def _stratum(label: object) -> str:
    """Return the label as text; of a list of tags whether it holds an entity."""
    return str(any(str(tag) not in ("O", "0") for tag in label)) if isinstance(label, list) else str(label)


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
