"""The recipe's rows, tokenized once, and the files the bench scores on."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from compress.errors import BadInput
from compress.files import whole
from compress.recipe import Recipe
from compress.sources import load_data
from compress.sources.splits import SPLITS
from compress.stages import Context, Rows
from compress.tasks import UNLABELLED, Task, open_task
from compress.tasks.encoding import Columns, Inputs, load_tokenizer, pad_id


@dataclass(frozen=True)
class Texts:
    """The splits as columns, ``label`` among them, and the task that scores them. `key` stands for all of it.

    Of the training rows the first `labelled` have labels, the others `UNLABELLED` in their place. `remarks` are what
    there is to say about the rows.
    """

    task: Task
    splits: dict[str, dict[str, list[Any]]]
    labelled: int
    key: str
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Tokens:
    """Training and validation rows as token ids; `labelled` is the first part of `train`."""

    train: Rows
    labelled: Rows
    validation: Rows
    padding: int


def read_texts(recipe: Recipe) -> Texts:
    """Load, check and cut the recipe's dataset."""
    table = recipe.task
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
        train["label"][row] if row < labelled else ([UNLABELLED] * len(first[row]) if task.token_level else UNLABELLED)
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
    return Tokens(train, train.first(texts.labelled), rows(texts.splits["validation"]), pad_id(tokenizer))


def longer_texts(splits: Mapping[str, Inputs], max_length: int) -> Iterator[str]:
    """What became of the texts of each split that are longer than `max_length` tokens, in words."""
    for split, inputs in splits.items():
        if inputs.cut and inputs.rows is None:
            yield f"{inputs.cut:,} of {len(inputs):,} {split} texts were cut at {max_length} tokens"
        elif inputs.cut:
            yield f"in {inputs.cut:,} {split} texts a single word does not fit into {max_length} tokens and was cut"
        if inputs.rows and (more := len(inputs) - len(set(inputs.rows))):
            yield f"longer {split} texts ({max_length} tokens) are read in overlapping windows: {more:,} inputs more"


def retokenized(context: Context, tokenizer_file: Path) -> Context:
    """The same rows as another tokenizer cuts them."""
    tokenizer = load_tokenizer(tokenizer_file)

    def again(rows: Rows) -> Rows:
        return Rows(context.task.encode(tokenizer, rows.columns), rows.gold, rows.columns)

    train = again(context.train)
    return replace(
        context,
        train=train,
        labelled=train.first(len(context.labelled.gold)),
        validation=again(context.validation),
        padding=pad_id(tokenizer),
    )


def write_test(texts: Texts, path: Path) -> None:
    """The test split as Parquet (the task's columns and label), whole or not at all."""
    import pyarrow
    from pyarrow import parquet

    with whole(path) as temporary:
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
