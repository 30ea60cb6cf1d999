"""The recipe's rows for training: loaded, limited, tokenized; and the test split written for the bench."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.data.columns import Splits
from pocketbert.compress.data.load import Data, load_data
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, WAY_OUT, TaskTable
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.inputs import Columns
from pocketbert.compress.tasks.rows import IN_TRAIN, NO_LABEL, Rows, Tokens, decide_nothing, is_grouped
from pocketbert.compress.tasks.tokenizer import load_tokenizer

_ROWS = 1000
"""Rows that are hashed at a time."""


@dataclass(frozen=True)
class Texts:
    """The columns of train, validation and test, ``label`` included, and the task that scores them.

    The first `labelled` training rows have labels, the others `NO_LABEL`. `key` is a digest of all of it. `remarks` on
    the rows are for the report.
    """

    task: Task
    splits: Splits
    labelled: int
    key: str
    remarks: list[str]


def read_texts(table: TaskTable) -> Texts:
    """Load and check the recipe's dataset, and apply `task.limit` and `task.labelled`.

    Raises:
        BadInput: see `load_data`; or the limits leave a split with too few labels.
    """
    data = load_data(table)
    task = open_task(table.kind, data.labels, table.max_length)
    splits: Splits = {
        split: {name: data.splits[split][name][: table.limit.get(split)] for name in (*task.columns, "label")}
        for split in SPLITS
    }
    train = splits["train"]
    labelled = min(table.labelled or len(train["label"]), len(train["label"]))
    remarks = list(data.remarks)
    if not task.token_level:
        for split in SPLITS:
            every, taken = data.splits[split]["label"], splits[split]["label"]
            key = "task.limit"
            if split == "train" and labelled < len(taken):
                key, taken = "task.labelled", taken[:labelled]
            remarks += _labels_lost(split, data.where[split], every, taken, key, data.labels)
    remarks += _decide_something(data, task, splits)
    if UNLABELLED in data.splits:
        for name in task.columns:
            train[name] += data.splits[UNLABELLED][name]
    rows = train[task.columns[0]]
    train["label"][labelled:] = [[NO_LABEL] * len(row) if task.token_level else NO_LABEL for row in rows[labelled:]]
    key = _digest([table.model_dump(), data.labels], splits)
    if labelled < len(rows):
        remarks.append(f"{labelled:,} of {len(rows):,} training rows have labels")
    return Texts(task, splits, labelled, key, remarks)


def tokenize(texts: Texts, tokenizer_file: Path) -> Tokens:
    """Tokenize train and validation."""
    tokenizer = load_tokenizer(tokenizer_file)

    def rows(columns: Columns) -> Rows:
        return Rows(texts.task.encode(tokenizer, columns), columns["label"], columns)

    train = rows(texts.splits["train"])
    return Tokens(train, train.first(texts.labelled), rows(texts.splits["validation"]))


def write_test(texts: Texts, path: Path, in_train: Iterable[bool] = ()) -> None:
    """Write the test split (the task's columns and ``label``) as JSON Lines, atomically.

    Args:
        in_train: for each row whether its text is in train too; only rows whose text is have the key of this name.
    """
    columns = texts.splits["test"]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as lines:
        for values, seen in zip_longest(zip(*columns.values(), strict=True), in_train):
            row = dict(zip(columns, values, strict=True)) | ({IN_TRAIN: True} if seen else {})
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _digest(settings: Sequence[Any], splits: Splits) -> str:
    """Return the SHA-256 of settings and rows; the rows are hashed in parts, so that no copy of all is made."""
    found = hashlib.sha256(json.dumps(settings).encode())
    for split, columns in splits.items():
        for name, values in columns.items():
            found.update(json.dumps([split, name, len(values)]).encode())
            for start in range(0, len(values), _ROWS):
                found.update(json.dumps(values[start : start + _ROWS], ensure_ascii=False).encode())
    return found.hexdigest()


def _decide_something(data: Data, task: Task, splits: Splits) -> Iterator[str]:
    """Yield a remark if the test rows cannot tell a good model from a bad one: no entity, or one label alone.

    Raises:
        BadInput: the validation rows cannot, by which the guard decides.
    """
    for split in ("validation", "test"):
        labels = splits[split]["label"]
        lack = decide_nothing(task.labels, labels)
        if lack is None:
            continue
        problem = f"its {len(labels):,} rows {lack}, so every model scores alike"
        limited = " or raise task.limit" if len(labels) < len(data.splits[split]["label"]) else ""
        if split == "validation":
            raise BadInput(f"{data.where[split]}: {problem}; take other rows{limited}; {WAY_OUT}")
        yield f"warning: the test split decides nothing: {problem}"


def _labels_lost(
    split: str, where: str, every: Sequence[int], taken: Sequence[int], key: str, labels: Sequence[str]
) -> Iterator[str]:
    """Yield a remark if labels of `every` row do not occur in the rows `taken`, the first ones, as `key` says.

    Raises:
        BadInput: labels are lost because the rows are sorted by label, or train is left with a single label.
    """
    there, got = set(every), set(taken)
    lost, first = len(there - got), f"its first {len(taken):,} rows ({key})"
    shown = " or ".join(repr(labels[label]) for label in sorted(got)[:5])
    if lost and is_grouped(every):
        raise BadInput(f"{where} is sorted by label: {first} are all {shown}. Shuffle the rows")
    if len(got) < 2 and split == "train":
        if lost:
            raise BadInput(f"{where}: {first} are all {shown}. Shuffle the rows or raise {key}")
        raise BadInput(f"{where}: all rows have the label {shown}; expected: at least two labels")
    if lost:
        yield f"{lost} of {len(there)} labels have no row among the first {len(taken):,} {split} rows"
