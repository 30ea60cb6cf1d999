"""The dataset that a user names: which file or split is which, and which splits have to be taken from train."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pocketbert.compress.base.errors import BadInput, listed
from pocketbert.compress.base.paths import check_file, exists
from pocketbert.compress.data.reading.formats import READERS
from pocketbert.compress.data.reading.hub import read_hub
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import HELD_OUT, SPLITS

SHARE = 0.1
"""Share of the training texts that a missing split takes."""
_ALIASES = {
    "train": ("training",),
    "validation": ("valid", "val", "dev", "development", "eval", "evaluation"),
    "test": ("testing", "tests"),
}
_EXPECTED = (
    f"give a file that ends in {', '.join(READERS)}, a folder of them, or an id on Hugging Face Hub (owner/name)"
)
_SPLIT_FILES = (
    "expected files named train, validation and test (.csv, .json, .jsonl or .parquet); only train is required"
)
_ROWS = "expected column names and one row per example"
_BY_HAND = re.compile(r"\btask\.(config|splits|labels)\b")
"""Keys that are the way out of some errors, and that `init` writes only where it finds them itself."""


class Dataset(NamedTuple):
    """A dataset as `task.dataset` names it: its training rows, `task.splits` and `task.hold_out`."""

    source: str
    train: Table
    splits: dict[str, str]
    hold_out: dict[str, float]


def find_dataset(given: str) -> Dataset:
    """Open a file of rows, a folder, or a dataset of the hub.

    Raises:
        BadInput: it cannot be opened, or there are no training rows.
    """
    path = Path(given)
    if exists(path) and not path.is_dir():
        return _one_file(path)
    if not path.is_dir() and _is_path(given):
        raise BadInput(f"--data {given}: no such file or folder; {_EXPECTED}")
    files = _files(path) if path.is_dir() else {}
    if len(files) == 1 and not _known(files) and "config" not in files:
        return _one_file(next(iter(files.values())))
    if not _known(files):  # as on the hub, such as train-00000-of-00001.parquet
        tables = _hub(given, path)
        splits, hold_out = _splits(given, tables)
        return Dataset(given, _not_empty(tables[splits.get("train", "train")]), splits, hold_out)
    splits, hold_out = _splits(given, files)
    file = files[splits.get("train", "train")]
    train = _not_empty(READERS[file.suffix](file, f"--data {given}, {file.name}"))
    return Dataset(given, train, splits, hold_out)


@contextmanager
def as_given(given: str, source: str) -> Iterator[None]:
    """Let an error about `task.dataset`, a key that the user of `init` did not write, begin with ``--data``.

    An error whose way out is a key that `init` does not write says so.

    Args:
        source: the value of `task.dataset`.
    """
    try:
        yield
    except BadInput as error:
        key = _BY_HAND.search(str(error))
        hint = f"; init does not write {key[0]}: write the recipe by hand (pocketbert explain {key[0]})" if key else ""
        raise BadInput(_renamed(str(error), given, source) + hint) from error


def _renamed(text: str, given: str, source: str) -> str:
    names = "|".join(map(re.escape, (repr(source), f'"{source}"')))
    return re.sub(rf"^task\.dataset( =)?( ({names}))?", lambda _: f"--data {given}", text)


def _is_path(given: str) -> bool:
    """Return whether `given` cannot be an id on Hugging Face Hub: a name, or owner/name, maybe with ``@revision``."""
    return Path(given).suffix in READERS or given.startswith(("/", ".", "~")) or given.partition("@")[0].count("/") > 1


def _hub(given: str, path: Path) -> dict[str, Table]:
    """Return the splits of a dataset on Hugging Face Hub, or of a folder that is laid out as one.

    Raises:
        BadInput: there is no such dataset, or the folder is another one, such as a model's.
    """
    names_no_split = path.is_dir() and not any(_known(re.split("[^a-z]+", name)) for name in _names(path))
    if names_no_split and (path / "config.json").is_file():
        raise _no_splits(given, path)
    try:
        with as_given(given, given):
            tables = read_hub(given)
    except BadInput as error:
        if names_no_split:
            raise _no_splits(given, path) from error
        if not path.is_dir() and "/" not in given and "not a local folder" in str(error):
            where = f"--data {given}: no such file or folder, and not available from Hugging Face Hub"
            raise BadInput(f"{where}; {_EXPECTED}") from error
        raise
    return {split: replace(table, where=_renamed(table.where, given, given)) for split, table in tables.items()}


def _no_splits(given: str, folder: Path) -> BadInput:
    model = "; it is a model's folder" if (folder / "config.json").is_file() else ""
    found = listed(_names(folder)) or "no file"
    return BadInput(f"--data {given}: no training rows{model}; found: {found}; {_SPLIT_FILES}")


def _names(folder: Path) -> list[str]:
    """Return the paths of the files below a folder."""
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("[!.]*") if file.is_file())


def _not_empty(table: Table) -> Table:
    if not table.columns:
        raise BadInput(f"{table.where}: is empty; {_ROWS}")
    if not len(table):
        raise BadInput(f"{table.where}: has column names, but no rows; {_ROWS}")
    return table


def _files(folder: Path) -> dict[str, Path]:
    """Return name without suffix -> file, of the files in the folder that can be read as rows."""
    found = {file.stem: file for file in sorted(folder.iterdir()) if file.suffix in READERS and file.is_file()}
    for file in found.values():
        check_file(file)
    return found


def _one_file(file: Path) -> Dataset:
    check_file(file)
    if file.suffix not in READERS:
        raise BadInput(f"--data {file}: expected a file that ends in {', '.join(READERS)}, or a folder of them")
    table = _not_empty(READERS[file.suffix](file, f"--data {file}"))
    return Dataset(str(file), table, {}, dict.fromkeys(HELD_OUT, SHARE))


def _known(names: Iterable[str]) -> bool:
    """Return whether one of these is the name of a split."""
    return any(name in (split, *_ALIASES[split]) for name in names for split in SPLITS)


def _splits(given: str, found: Mapping[str, object]) -> tuple[dict[str, str], dict[str, float]]:
    """Return which other name each split has, and the shares of those that are missing."""
    named = {split: next((name for name in (split, *_ALIASES[split]) if name in found), None) for split in SPLITS}
    if named["train"] is None:
        raise BadInput(f"--data {given}: no training rows; found: {listed(found)}; call the training rows 'train'")
    renamed = {str(split): name for split, name in named.items() if name and name != split}
    return renamed, {split: SHARE for split in HELD_OUT if named[split] is None}
