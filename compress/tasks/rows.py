"""One split of a dataset, tokenized."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.tasks.inputs import Columns, Inputs

NO_LABEL = -100
"""Stands where a row (or a word) has no label; losses pass over it."""


@dataclass(frozen=True)
class Rows:
    """One split: what a model reads, the labels as the data have them (one per row, or one per word), and the rows
    before they were tokenized.
    """

    inputs: Inputs
    gold: Sequence[Any]
    columns: Columns

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """One per answer, (answers,)."""
        return flat(self.gold)

    def first(self, rows: int) -> "Rows":
        """The first so many rows."""
        columns = {name: values[:rows] for name, values in self.columns.items()}
        return Rows(self.inputs.first(rows), self.gold[:rows], columns)


@dataclass(frozen=True)
class Tokens:
    """Training and validation rows as token ids; `labelled` is the first part of `train`."""

    train: Rows
    labelled: Rows
    validation: Rows


def flat(gold: Sequence[Any]) -> NDArray[np.int64]:
    """Labels end to end, one per answer."""
    if len(gold) and not isinstance(gold[0], int | np.integer):
        gold = [label for row in gold for label in row]
    return np.asarray(gold, dtype=np.int64)
