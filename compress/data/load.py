"""The rows of a recipe, from a builtin, a local folder or the Hugging Face Hub, always in the same columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.paths import exists
from pocketbert.compress.data.columns import Splits, canonical
from pocketbert.compress.data.hold_out import hold_out
from pocketbert.compress.data.reading.folder import read_folder
from pocketbert.compress.data.reading.hub import read_hub
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import Split, TaskTable
from pocketbert.compress.data.splits import apply_splits
from pocketbert.compress.tasks import task_class

BUILTIN_DATA = {
    "builtin:reviews": "classification",
    "builtin:people-daily": "tagging",
    "builtin:adjacent-clauses": "matching",
}
"""Name -> kind of its task. `pocketbert.compress.data.builtin` has a module of the same name, with underscores, whose
function `load` returns a `Builtin`.
"""
_COLUMN_KEYS = ("text", "text_pair", "tokens", "label")


class Builtin(NamedTuple):
    """A builtin dataset, unchecked: the columns of each split (``label`` as class ids), and the names of the labels.

    `remarks` are for the report.
    """

    splits: Mapping[str, Mapping[str, Sequence[object]]]
    labels: Sequence[str]
    remarks: list[str]


@dataclass(frozen=True)
class Data:
    """The checked rows of train, validation, test and, if there is one, unlabelled (which has no ``label``).

    The columns are those of the task's class, each a list with a value per row, and ``label``: an index into `labels`,
    for tagging a list of indices, one per token. `where` names the source of each split for error messages. `remarks`
    are for the report: what was left out or truncated, and how much of it.
    """

    splits: Splits
    labels: list[str]
    where: dict[str, str]
    remarks: list[str]


def load_data(task: TaskTable) -> Data:
    """Load the recipe's dataset and check every row of it.

    Raises:
        BadInput: an unknown builtin or one for another kind of task, an unreachable Hub, a missing split or column, or
            a row that cannot be used. The message names file and line.
    """
    folder, config = Path(task.dataset), task.config or None
    if task.dataset.startswith("builtin:"):
        tables, remarks = _builtin(task)
    elif exists(folder):
        made: dict[Split, str] = dict.fromkeys(task.hold_out, "train")
        made |= task.splits
        lists = task_class(task.kind).token_level
        tables, remarks = apply_splits(read_folder(folder, lists, config, made), task)
    else:
        tables, remarks = apply_splits(read_hub(task.dataset, config), task)
    tables, held_out = hold_out(tables, task)
    splits, labels, more = canonical(tables, task)
    return Data(splits, labels, {split: tables[split].where for split in splits}, [*remarks, *held_out, *more])


def _builtin(task: TaskTable) -> tuple[dict[str, Table], list[str]]:
    name = task.dataset
    if name not in BUILTIN_DATA:
        raise BadInput(f"task.dataset: unknown {name!r}; expected: {', '.join(BUILTIN_DATA)}, a hub id or a folder")
    if task.kind != BUILTIN_DATA[name]:
        raise BadInput(f"task.kind: {name} is for kind = {BUILTIN_DATA[name]}, found {task.kind!r}")
    if renamed := [key for key in _COLUMN_KEYS if getattr(task, key) != key]:
        raise BadInput(f"task.{renamed[0]}: {name} has no columns to name; leave the key out")
    refused = {"labels": "an order of its own", "config": "no parts"}
    refused |= dict.fromkeys(("splits", "hold_out"), "splits of its own")
    for key, what in refused.items():
        if getattr(task, key):
            raise BadInput(f"task.{key}: {name} has {what}; leave the key out")
    module: Any = import_module(f"pocketbert.compress.data.builtin.{name.removeprefix('builtin:').replace('-', '_')}")
    load: Callable[[], Builtin] = module.load
    splits, labels, remarks = load()
    classes = {"label": labels}
    return {s: Table(f"{name}, split {s}", columns, classes=classes) for s, columns in splits.items()}, remarks
