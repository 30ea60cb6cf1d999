"""The dataset that a user names: which file or split is which, and which splits have to be taken from train."""

from collections.abc import Iterable, Mapping
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
    files = _files(path) if path.is_dir() else {}
    if len(files) == 1 and not _known(files):
        return _one_file(next(iter(files.values())))
    if not _known(files):  # as on the hub, such as train-00000-of-00001.parquet
        tables = read_hub(given)
        splits, hold_out = _splits(given, tables)
        return Dataset(given, tables[splits.get("train", "train")], splits, hold_out)
    splits, hold_out = _splits(given, files)
    file = files[splits.get("train", "train")]
    return Dataset(given, READERS[file.suffix](file, f"--data {given}, {file.name}"), splits, hold_out)


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
    return Dataset(str(file), READERS[file.suffix](file, f"--data {file}"), {}, dict.fromkeys(HELD_OUT, SHARE))


def _known(names: Iterable[str]) -> bool:
    """Return whether one of these is the name of a split."""
    return any(name in (split, *_ALIASES[split]) for name in names for split in SPLITS)


def _splits(given: str, found: Mapping[str, object]) -> tuple[dict[str, str], dict[str, float]]:
    """Return which other name each split has, and the shares of those that are missing."""
    named = {split: next((name for name in (split, *_ALIASES[split]) if name in found), None) for split in SPLITS}
    if named["train"] is None:
        raise BadInput(f"--data {given}: no training rows; found: {listed(found)}; call the training rows 'train'")
    renamed = {split: name for split, name in named.items() if name and name != split}
    return renamed, {split: SHARE for split in HELD_OUT if named[split] is None}
