"""Splits from the Hugging Face Hub, or from a folder laid out as on the Hub (``data/train-00000-of-00001.parquet``)."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput, first_line, offline_hint
from pocketbert.compress.data.reading.formats import check_parquet_columns, read_csv, read_json
from pocketbert.compress.data.reading.table import Table

if TYPE_CHECKING:
    from datasets import BuilderConfig

_CONFIGS = re.compile(r"(?:available configs|Available): \[(.*)\]")
"""The end of the error that `datasets` raises for a dataset of several parts if no part or an unknown one is named."""
_TEXT_READERS = {".csv": read_csv, ".json": read_json, ".jsonl": read_json}
_PLACE_KEYS = {"name", "version", "data_dir", "data_files", "description"}
"""Keys of a part that say where its files are; the other keys say how to read them."""


def read_hub(source: str, config: str | None = None) -> dict[str, Table]:
    """Read every split that `load_dataset` finds; `config` names the part of a dataset that has several.

    A `source` on the Hub may end in ``@revision``. A dataset that needs a program to be read is refused by `datasets`;
    the Hub's own copy of it is ``@refs/convert/parquet``.

    Text files of a local folder are read as those of a plain folder are, so that the same file gives the same rows.

    Raises:
        BadInput: the Hub cannot be reached, it has no such dataset or part, `source` names a loader, or a folder
            or nothing beside its ``@``, or a CSV has two columns of one name.
    """
    from datasets import ClassLabel, Features, Value, load_dataset

    name, at, revision = (source, "", "") if Path(source).is_dir() else source.partition("@")
    if at and (not name or not revision or Path(name).is_dir()):
        raise BadInput(f"task.dataset = {source!r}: expected owner/name@revision of the Hub; a folder has no revision")
    name = _place(name)
    if Path(name).is_dir() and (files := _text_files(name, config)):
        return {split: _read(source, split, paths) for split, paths in files.items()}
    wanted: dict[str, Any] = {"revision": revision} if revision else {}
    with _explained(source, config):
        raw: dict[str, Any] = load_dataset(name, config, **wanted)
        first = next(iter(raw.values()))
        from_csv = first.info.builder_name == "csv"
        if from_csv and not any(isinstance(f, ClassLabel) for f in first.features.values()):
            # pandas takes the text "NA" for a missing one, and "007" for a number
            texts = Features({name: Value("string") for name in first.column_names})
            raw = load_dataset(name, config, **wanted, keep_default_na=False, features=texts)
    if from_csv:
        _check_renamed(source, first.column_names)
    return {split: Table.of_dataset(f"task.dataset {source!r}, split {split}", table) for split, table in raw.items()}


def _place(source: str) -> str:
    """Return `source`, a folder's as ``./name`` where `datasets` has a loader of that name.

    ``load_dataset("text")`` takes every file below the working folder for rows, and an older "pandas" unpickles them.

    Raises:
        BadInput: it is no folder, but the name of a loader.
    """
    if not source.isidentifier() or find_spec(f"datasets.packaged_modules.{source}") is None:
        return source
    if Path(source).is_dir():
        return f"./{source}"
    what = f'"{source}" is a loader of the datasets library, not a dataset'
    raise BadInput(f"task.dataset = {what}; name a dataset of the Hub (owner/name) or a folder")


def _check_renamed(source: str, names: Sequence[str]) -> None:
    """Raise `BadInput` if pandas has probably renamed a column: of two columns ``text`` the second is ``text.1``."""
    if twice := [name for name in names if f"{name}.1" in names]:
        raise BadInput(
            f"task.dataset {source!r}: columns {twice[0]!r} and '{twice[0]}.1': pandas makes them of two columns "
            f"called {twice[0]!r}; rename or remove one of them in the CSV, or in a copy of it in a folder of your own"
        )


@contextmanager
def _explained(source: str, config: str | None) -> Iterator[None]:
    """Raise what `datasets` raises as `BadInput`."""
    try:
        yield
    except Exception as error:  # the loaders of `datasets` share no base class
        if parts := _CONFIGS.search(str(error)):
            given = "is missing" if config is None else f"is {config!r}"
            raise BadInput(f"task.config {given}; expected for {source}: one of {parts[1]}") from error
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error  # "An error occurred while …"
        raise BadInput(f"task.dataset {source!r}: {first_line(cause)}{offline_hint(source)}") from error


def _text_files(source: str, config: str | None) -> dict[str, list[Path]]:
    """Return the files of each split of a local folder if all are CSV or JSON, and nothing says how to read them.

    Raises:
        BadInput: the folder has no rows, or a Parquet file has two columns of one name.
    """
    from datasets import load_dataset_builder

    with _explained(source, config):
        builder = load_dataset_builder(source, config)
    found = {str(split): [Path(file) for file in files] for split, files in (builder.config.data_files or {}).items()}
    every = [file for files in found.values() for file in files]
    for file in every:
        if file.suffix == ".parquet":
            check_parquet_columns(file, f"task.dataset {source!r}, {file.name}")
        if Path(source).is_dir() and file.suffix == ".tsv":
            # Its reader, pandas, takes all rows from one quotation mark to the next for one text.
            raise BadInput(f"task.dataset {source!r}, {file.name}: save it as .csv with commas, or as .jsonl")
    readable = all(file.suffix in _TEXT_READERS and file.is_file() for file in every)
    return found if readable and builder.info.features is None and _is_plain(builder.config) else {}


def _is_plain(config: "BuilderConfig") -> bool:
    """Return whether the keys of a part are those of a part that says nothing about its files."""
    keys, usual = ({k: v for k, v in vars(c).items() if k not in _PLACE_KEYS} for c in (config, type(config)()))
    return keys == usual


def _read(source: str, split: str, files: list[Path]) -> Table:
    tables = [_TEXT_READERS[file.suffix](file, f"task.dataset {source!r}, {file.name}") for file in files]
    return tables[0] if len(tables) == 1 else Table.joined(f"task.dataset {source!r}, split {split}", tables)
