"""Splits from the Hugging Face Hub, or from a folder laid out as on the Hub (``data/train-00000-of-00001.parquet``)."""

import re

from pocketbert.compress.base.errors import BadInput, first_line, offline_hint
from pocketbert.compress.data.reading.table import Table

_CONFIGS = re.compile(r"(?:available configs|Available): \[(.*)\]")
"""The end of the error that `datasets` raises for a dataset of several parts if no part or an unknown one is named."""


def read_hub(source: str, config: str | None = None) -> dict[str, Table]:
    """Read every split that `load_dataset` finds; `config` names the part of a dataset that has several.

    Raises:
        BadInput: the Hub cannot be reached, or it has no such dataset or part.
    """
    from datasets import load_dataset

    try:
        raw = load_dataset(source, config)
    except Exception as error:  # the loaders of `datasets` share no base class
        if parts := _CONFIGS.search(str(error)):
            given = "is missing" if config is None else f"is {config!r}"
            raise BadInput(f"task.config {given}; expected for {source}: one of {parts[1]}") from error
        raise BadInput(f"task.dataset {source!r}: {first_line(error)}{offline_hint(source)}") from error
    return {split: Table.of_dataset(f"task.dataset {source!r}, split {split}", table) for split, table in raw.items()}
