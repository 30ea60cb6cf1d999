"""Splits from the files of a folder (``train``, ``validation``, ``test``, maybe ``unlabelled``), or from one file."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.paths import check_file, exists
from pocketbert.compress.data.reading.formats import READERS
from pocketbert.compress.data.reading.hub import read_hub
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.data.settings import SPLITS, UNLABELLED, WAY_OUT, Split, source_of

_EXPECTED = "expected: a folder with train, validation and test (and optionally unlabelled) as .csv, .jsonl or .parquet"


def read_folder(
    folder: Path, lists: bool, config: str | None = None, splits: Mapping[Split, str] = MappingProxyType({})
) -> dict[str, Table]:
    """Read every split of the folder; a folder without files of these names is read as a snapshot of a hub dataset.

    The rows of a single file in place of a folder are the split ``train``.

    Args:
        lists: the task's columns hold lists, which CSV cannot store.
        config: the part of such a snapshot.
        splits: `task.splits`, and those of `task.hold_out` as ``train``: these splits may be missing, and the files
            they are taken from may have any name.

    Raises:
        BadInput: a split is missing or has two files, the formats are mixed or unknown, or a file is malformed.
    """
    here = f"task.dataset {str(folder)!r}"
    if not folder.is_dir():
        return {"train": _read_file(folder, here, lists, splits)}
    stems = {*SPLITS, UNLABELLED, *map(source_of, splits.values())}
    files = [file for file in sorted(folder.iterdir()) if file.stem in stems and exists(file) and not file.is_dir()]
    for file in files:
        check_file(file)
    if not files:
        return _snapshot(folder, config)
    if config is not None:
        raise BadInput(f"{here}: has no parts for task.config to name; leave the key out")
    found = ", ".join(file.name for file in files)
    if missing := [split for split in SPLITS if split not in {*splits, *(file.stem for file in files)}]:
        raise BadInput(f"{here}: {missing[0]} is missing; found: {found}; {_EXPECTED}; {WAY_OUT}")
    readers = {READERS.get(file.suffix) for file in files}
    if len(readers) > 1 or len({file.stem for file in files}) < len(files):
        raise BadInput(f"{here}: found: {found}; expected: one file per split, all of one format")
    reader = readers.pop()
    if reader is None:
        raise BadInput(f"{here}: found: {found}; {_EXPECTED}")
    _check_lists(files[0], f"{here}: found: {found}", lists)
    return {file.stem: reader(file, f"{here}, {file.name}") for file in files}


def _read_file(file: Path, here: str, lists: bool, splits: Mapping[Split, str]) -> Table:
    check_file(file)
    reader = READERS.get(file.suffix)
    if reader is None:
        raise BadInput(f"{here}: is a file; expected one that ends in {', '.join(READERS)}, or a folder of them")
    if not {"validation", "test"} <= splits.keys():
        raise BadInput(
            f"{here}: is one file; add hold_out = {{ validation = 0.1, test = 0.1 }} to [task], or name a folder with "
            "train, validation and test"
        )
    _check_lists(file, here, lists)
    return reader(file, here)


def _check_lists(file: Path, where: str, lists: bool) -> None:
    if lists and file.suffix == ".csv":
        raise BadInput(f"{where}: a CSV cannot hold the lists of this task; use .jsonl or .parquet")


def _snapshot(folder: Path, config: str | None) -> dict[str, Table]:
    try:
        return read_hub(str(folder), config)
    except BadInput as error:
        raise BadInput(f"{error}; {_EXPECTED}") from error
