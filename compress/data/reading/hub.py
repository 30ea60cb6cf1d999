"""Splits from the hub, or from a folder laid out as on the hub (``data/train-00000-of-00001.parquet``)."""

import re

from pocketbert.compress.base.errors import BadInput, first_line, way_out
from pocketbert.compress.data.reading.table import Table

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
