"""Rows as they were read -> the columns of the task's kind, every row checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading import cells
from pocketbert.compress.data.reading.labels import (
    check_labels,
    check_types,
    meant_by,
    numbers_as_names,
    numbers_remark,
)
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, WAY_OUT, TaskTable
from pocketbert.compress.tasks import task_class

Splits = dict[str, dict[str, list[Any]]]
"""Name of a split -> name of a column -> values, one per row."""


def canonical(tables: Mapping[str, Table], task: TaskTable) -> tuple[Splits, list[str], list[str]]:
    """Return the columns of train, validation, test and, if there is one, unlabelled; the names of the labels; remarks.

    ``label`` holds class ids, indices into the names (for tagging a list per row, one id per token). The names are the
    classes of the source, or else the labels of train, in the order of `task.labels`, of the source or of
    `label_names`.

    Raises:
        BadInput: a split or column is missing, `task.labels` are not the labels of the data, or a row is wrong.
    """
    for split in SPLITS:
        if split not in tables:
            found = ", ".join(tables)
            raise BadInput(f"task.dataset {task.dataset!r}: split {split} is missing; found: {found}; {WAY_OUT}")
    kind = task_class(task.kind)
    used = {split: tables[split] for split in (*SPLITS, UNLABELLED) if split in tables}
    check = cells.check_token_column if kind.token_level else cells.check_texts
    columns: Splits = {
        split: {key: list(check(table, getattr(task, key), _column(table, task, key))) for key in kind.columns}
        for split, table in used.items()
    }
    if task.label in used["train"].columns:
        for split in ("validation", "test"):
            _check_labels_known(used[split], task.label)
    remarks = _numbers_named(used, task)
    labels = {split: _labels(used[split], task, columns[split]) for split in SPLITS}
    names = _in_order(used["train"].classes.get(task.label) or cells.label_names(labels["train"]), task)
    for split, texts in labels.items():
        ids = cells.class_ids(used[split], task.label, texts, names)
        columns[split]["label"] = ids if kind.token_level else [row[0] for row in ids]
    return columns, list(names), remarks


def _numbers_named(used: dict[str, Table], task: TaskTable) -> list[str]:
    """Let `task.labels` name the numbers of the splits whose labels are numbers; return a remark that says so."""
    named: dict[str, Table] = {split: numbers_as_names(used[split], task.label, task.labels) for split in SPLITS}
    if all(named[split] is used[split] for split in SPLITS):
        return []
    used |= named
    return [numbers_remark(task.label, task.labels)]


def _check_labels_known(table: Table, column: str) -> None:
    """Raise `BadInput` for a split whose labels are kept secret: no label at all, or -1 in every row."""
    if len(table) and {str(label) for label in table.values(column)} <= {"-1", "None", ""}:
        raise BadInput(f"{table.where}: column {column!r} has no labels, they may be kept secret; {WAY_OUT}")


def _in_order(names: Sequence[str], task: TaskTable) -> Sequence[str]:
    if task.labels and sorted(task.labels) != sorted(names):
        raise BadInput(
            f"task.labels: {', '.join(task.labels)}; expected for {task.dataset}: {', '.join(names)}, in any order"
        )
    return task.labels or names


def _labels(table: Table, task: TaskTable, texts: Mapping[str, Sequence[object]]) -> list[list[str]]:
    values = _column(table, task, "label")
    if task_class(task.kind).token_level:
        rows = cells.tag_texts(table, task.label, values, texts["tokens"])
    else:
        check_types(table, task.label, values)
        rows = cells.label_texts(table, task.label, values)
    check_labels(table, task.label, rows, task.labels)
    return rows


def _column(table: Table, task: TaskTable, key: str) -> list[object]:
    """Return the values of the column that ``task.<key>`` names."""
    name = getattr(task, key)
    if table.columns and name not in table.columns:
        found = ", ".join(table.columns)
        raise BadInput(
            f"{table.where}: has no column {name!r}{meant_by(name, table.columns)} (task.{key}); found: {found}; "
            f"set task.{key} to its name"
        )
    values = table.values(name)
    if not values:
        raise BadInput(f"{table.where}: is empty")
    return values
