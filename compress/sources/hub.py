"""Splits from the hub, or from a folder laid out as on the hub (``data/train-00000-of-00001.parquet``)."""

import re
from pathlib import Path

from compress.errors import BadInput
from compress.sources.table import Table

_CONFIGS = re.compile(r"(?:available configs|Available): \[(.*)\]")
"""How `datasets` ends what it says of a dataset of several parts, where none is named or one that there is not."""


def read_hub(source: str, config: str | None = None) -> dict[str, Table]:
    """Every split that `load_dataset` finds, as it stands; of a dataset of several parts, those of one of them.

    Raises:
        BadInput: the hub cannot be reached, or there is no such dataset, or no such part.
    """
    from datasets import load_dataset

    try:
        raw = load_dataset(source, config)
    except Exception as error:  # the loaders of `datasets` share no base class
        if parts := _CONFIGS.search(str(error)):
            raise BadInput(f"task.config: {config!r}; legal for {source}: {parts[1]}") from error
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
