"""The rows of a recipe: from a builtin, a local folder or the hub, always in the same columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.tasks import task_class

if TYPE_CHECKING:
    from datasets import DatasetDict

BUILTIN_DATA = {
    "builtin:reviews": "classification",
    "builtin:people-daily": "tagging",
    "builtin:adjacent-clauses": "matching",
}
"""Name -> the kind of task it is for. `pocketbert.compress.data.builtin` has a module of that name, with underscores,
and a function `load` in it.
"""
_COLUMN_KEYS = ("text", "text_pair", "tokens", "label")


@dataclass(frozen=True)
class Data:
    """Splits train, validation, test and perhaps unlabelled, whose columns follow from the task's kind.

    classification
        ``text`` (string), ``label`` (`ClassLabel`)
    matching
        ``text``, ``text_pair`` (strings), ``label`` (`ClassLabel`)
    tagging
        ``tokens`` (list of strings: words or characters), ``label`` (list of `ClassLabel`, as long)

    ``unlabelled`` has no ``label``. `remarks` are for the report: what was left out or cut, and how much of it.
    """

    splits: "DatasetDict"
    remarks: list[str] = field(default_factory=list)


def load_data(task: TaskTable) -> Data:
    """The recipe's dataset, every row of it checked.

    Raises:
        BadInput: an unknown builtin or one for another kind of task, an unreachable hub, a missing split or column, or
            a row that cannot be used; says in which file and line.
    """
    from pocketbert.compress.data.columns import canonical
    from pocketbert.compress.data.reading.folder import read_folder
    from pocketbert.compress.data.reading.hub import read_hub
    from pocketbert.compress.data.splits import cut_splits

    if task.dataset.startswith("builtin:"):
        return _builtin(task)
    token_level = task_class(task.kind).token_level
    folder = Path(task.dataset)
    if folder.exists():
        tables = read_folder(folder, token_level, task.config, task.splits)
    else:
        tables = read_hub(task.dataset, task.config)
    tables, remarks = cut_splits(tables, task)
    return Data(canonical(tables, task), remarks)


def _builtin(task: TaskTable) -> Data:
    name = task.dataset
    if name not in BUILTIN_DATA:
        raise BadInput(f"task.dataset: unknown {name!r}; legal: {', '.join(BUILTIN_DATA)}, a hub id, a folder")
    if task.kind != BUILTIN_DATA[name]:
        raise BadInput(f"task.kind: {name} is for kind = {BUILTIN_DATA[name]}, found {task.kind!r}")
    if renamed := [key for key in _COLUMN_KEYS if getattr(task, key) != key]:
        raise BadInput(f"task.{renamed[0]}: {name} has no columns to name; leave the key out")
    for key, what in {"labels": "an order of its own", "config": "no parts", "splits": "splits of its own"}.items():
        if getattr(task, key):
            raise BadInput(f"task.{key}: {name} has {what}; leave the key out")
    module: Any = import_module(f"pocketbert.compress.data.builtin.{name.removeprefix('builtin:').replace('-', '_')}")
    load: Callable[[], Data] = module.load
    return load()
