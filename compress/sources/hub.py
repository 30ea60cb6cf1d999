"""Splits from the hub, or from a folder laid out as on the hub (``data/train-00000-of-00001.parquet``)."""

from pathlib import Path

from compress.errors import BadInput
from compress.sources.table import Table


def read_hub(source: str) -> dict[str, Table]:
    """Every split that `load_dataset` finds, as it stands.

    Raises:
        BadInput: the hub cannot be reached, or there is no such dataset.
    """
    from datasets import load_dataset

    try:
        raw = load_dataset(source)
    except Exception as error:  # the loaders of `datasets` share no base class
        raise BadInput(f"task.dataset {source!r}: {first_line(error)}{way_out(source)}") from error
    return {
        split: Table.of_dataset(f"task.dataset {source!r}, split {split}", table, "row {} (from 0)")
        for split, table in raw.items()
    }


def first_line(error: BaseException) -> str:
    """An error of a library, cut down to its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def way_out(source: str) -> str:
    """What to say after a failure when `source` is neither a builtin nor here."""
    if source.startswith("builtin:") or Path(source).exists():
        return ""
    return " (neither a local folder nor to be had from the hub; offline: pocketbert build recipes/offline.toml)"
