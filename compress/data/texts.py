"""The recipe's rows, tokenized once, and the files the bench scores on."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import SPLITS, TaskTable
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.inputs import Columns
from pocketbert.compress.tasks.rows import NO_LABEL, Rows, Tokens
from pocketbert.compress.tasks.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Texts:
    """The splits as columns, ``label`` among them, and the task that scores them. `key` stands for all of it.

    Of the training rows the first `labelled` have labels, the others `NO_LABEL` in their place. `remarks` are what
    there is to say about the rows.
    """

    task: Task
    splits: dict[str, dict[str, list[Any]]]
    labelled: int
    key: str
    remarks: list[str] = field(default_factory=list)


def read_texts(table: TaskTable) -> Texts:
    """Load, check and cut the recipe's dataset."""
    data = load_data(table)
    labels = _label_names(data.splits["train"].features["label"])
    task = open_task(table.kind, labels, table.max_length)
    splits: dict[str, dict[str, list[Any]]] = {}
    for split in SPLITS:
        rows = data.splits[split]
        wanted = min(table.limit.get(split, len(rows)), len(rows))
        splits[split] = {name: list(rows[:wanted][name]) for name in (*task.columns, "label")}
    train = splits["train"]
    labelled = min(table.labelled or len(train["label"]), len(train["label"]))
    remarks = list(data.remarks)
    if not task.token_level:
        for split in SPLITS:
            taken = splits[split]["label"][: labelled if split == "train" else None]
            remarks += _left_out(split, data.splits[split]["label"], taken, labels)
    if "unlabelled" in data.splits:
        for name in task.columns:
            train[name] += list(data.splits["unlabelled"][name])
    first = train[task.columns[0]]
    train["label"] = [
        train["label"][row] if row < labelled else ([NO_LABEL] * len(first[row]) if task.token_level else NO_LABEL)
        for row in range(len(first))
    ]
    key = hashlib.sha256(json.dumps([table.model_dump(), labels, splits]).encode()).hexdigest()
    if labelled < len(first):
        remarks.append(f"{labelled:,} of {len(first):,} training rows have labels")
    return Texts(task, splits, labelled, key, remarks)


def tokenize(texts: Texts, tokenizer_file: Path) -> Tokens:
    """Token ids of train and validation."""
    tokenizer = load_tokenizer(tokenizer_file)

    def rows(columns: Columns) -> Rows:
        return Rows(texts.task.encode(tokenizer, columns), columns["label"], columns)

    train = rows(texts.splits["train"])
    return Tokens(train, train.first(texts.labelled), rows(texts.splits["validation"]))


def write_test(texts: Texts, path: Path) -> None:
    """The test split as Parquet (the task's columns and label), whole or not at all."""
    import pyarrow
    from pyarrow import parquet

    with atomic_write(path) as temporary:
        parquet.write_table(pyarrow.table(texts.splits["test"]), temporary)


def _left_out(split: str, every: Sequence[int], taken: Sequence[int], labels: Sequence[str]) -> Iterator[str]:
    """A word about labels that only rows beyond those that are taken have.

    Raises:
        BadInput: each label's rows stand together, so the rows are sorted by it; or there is nothing to tell apart.
    """
    there, got = set(every), set(taken)
    lost = len(there - got)
    stand_together = sum(one != other for one, other in pairwise(every)) < len(there)
    if (lost and stand_together) or (len(got) < 2 and split == "train"):
        shown = ", ".join(repr(labels[label]) for label in sorted(got)[:5])
        raise BadInput(
            f"the first {len(taken):,} {split} rows are all {shown}, of {len(there)} labels; legal: rows of several "
            "labels, in any order but sorted by label"
        )
    if lost:
        yield f"{lost} of {len(there)} labels have no row among the first {len(taken):,} {split} rows"


def _label_names(feature: Any) -> list[str]:
    """Of a `ClassLabel`, or of a list of them."""
    names: list[str] = getattr(feature, "feature", feature).names
    return names
