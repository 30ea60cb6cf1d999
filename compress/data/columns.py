"""Rows as they were found -> the columns that a task's kind asks for, checked row by row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.cells import (
    check_texts,
    check_token_column,
    names_of,
    numbered,
    spelled_labels,
    spelled_tags,
)
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, WAY_OUT, TaskTable
from pocketbert.compress.tasks import task_class

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


def canonical(tables: Mapping[str, Table], task: TaskTable) -> "DatasetDict":
    """train, validation, test and perhaps unlabelled, with the columns of the task's kind and ``label``.

    ``label`` is a `ClassLabel` (for tagging a list of it, one per token) whose names are those of the source, or else
    what stands in train, in the order of `task.labels`, of the source, or of `names_of`.

    Raises:
        BadInput: a split or column is missing, `task.labels` are others, or a row is wrong: says where.
    """
    from datasets import DatasetDict

    for split in SPLITS:
        if split not in tables:
            raise BadInput(
                f"task.dataset {task.dataset!r}: split {split} is missing; found: {', '.join(tables)}; {WAY_OUT}"
            )
    used = {split: tables[split] for split in (*SPLITS, UNLABELLED) if split in tables}
    columns = {split: _texts(table, task) for split, table in used.items()}
    if task.label in used["train"].columns:
        for split in ("validation", "test"):
            _check_open(used[split], task.label)
    labels = {split: _labels(used[split], task, columns[split]) for split in SPLITS}
    names = _in_order(used["train"].classes.get(task.label) or names_of(labels["train"]), task)
    out = {split: as_dataset(task.kind, columns[split]) for split in used if split not in labels}
    for split, spelled in labels.items():
        rows = numbered(used[split], task.label, spelled, names)
        label = rows if task_class(task.kind).token_level else [row[0] for row in rows]
        out[split] = as_dataset(task.kind, columns[split] | {"label": label}, names)
    return DatasetDict({split: out[split] for split in used})


def _check_open(table: Table, column: str) -> None:
    """Raise `BadInput` for rows whose labels are kept secret: none is there, or a -1 in every row."""
    if len(table) and {str(label) for label in table.columns.get(column, ())} <= {"-1", "None", ""}:
        raise BadInput(f"{table.where}: column {column!r} has no labels, they may be kept secret; {WAY_OUT}")


def _in_order(names: Sequence[str], task: TaskTable) -> Sequence[str]:
    if task.labels and sorted(task.labels) != sorted(names):
        raise BadInput(
            f"task.labels: {', '.join(task.labels)}; legal for {task.dataset}: {', '.join(names)}, in any order"
        )
    return task.labels or names


def as_dataset(kind: str, columns: Mapping[str, Sequence[object]], names: Sequence[str] = ()) -> "Dataset":
    """Checked columns as a `Dataset`; where there is a ``label``, its integers stand for `names`."""
    from datasets import ClassLabel, Dataset, Features, List, Value

    task = task_class(kind)
    features = {key: List(Value("string")) if task.token_level else Value("string") for key in task.columns}
    if "label" in columns:
        label = ClassLabel(names=list(names))
        features["label"] = List(label) if task.token_level else label
    return Dataset.from_dict(dict(columns), features=Features(features))


def _texts(table: Table, task: TaskTable) -> dict[str, Sequence[object]]:
    kind = task_class(task.kind)
    check = check_token_column if kind.token_level else check_texts
    return {key: check(table, getattr(task, key), _column(table, task, key)) for key in kind.columns}


def _labels(table: Table, task: TaskTable, texts: Mapping[str, Sequence[object]]) -> list[list[str]]:
    values = _column(table, task, "label")
    if task_class(task.kind).token_level:
        return spelled_tags(table, task.label, values, texts["tokens"])
    return spelled_labels(table, task.label, values)


def _column(table: Table, task: TaskTable, key: str) -> list[object]:
    """The values of the column that ``task.<key>`` names."""
    name = getattr(task, key)
    if table.columns and name not in table.columns:
        raise BadInput(f"{table.where}: has no column {name!r} (task.{key}); found: {', '.join(table.columns)}")
    values = list(table.columns.get(name, ()))
    if not values:
        raise BadInput(f"{table.where}: is empty")
    return values
