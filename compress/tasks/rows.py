"""Tokenized splits of a dataset."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.tasks.inputs import Columns, Indices, Inputs
from pocketbert.compress.tasks.schemes import OUTSIDE

NO_LABEL = -100
"""Label of a row (or word) without label; losses ignore it."""
_BY_CHANCE = 5
"""Rows of a label among the first ones from which it is no accident that there are none (p < 0.01)."""
IN_TRAIN = "in_train"
"""A column that the test rows may have beside those of the task: whether the text is in train too, or nearly."""


@dataclass(frozen=True)
class Rows:
    """One split: model inputs, labels as in the data (one per row, or one per word), and the rows as text."""

    inputs: Inputs
    gold: Sequence[Any]
    columns: Columns

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Return one label per prediction, (predictions,)."""
        return flat(self.gold)

    def first(self, rows: int) -> "Rows":
        """Return the first `rows` rows."""
        columns = {name: values[:rows] for name, values in self.columns.items()}
        return Rows(self.inputs.first(rows), self.gold[:rows], columns)

    def sample(self, rows: int) -> "Rows":
        """Return the first `rows` rows; evenly spaced ones if these lack a label, as of rows sorted by label."""
        if len(self.gold) <= rows or not (is_grouped(self.gold) or lacks_labels(self.gold, rows)):
            return self.first(rows)
        return self.chosen(np.linspace(0, len(self.gold) - 1, rows).astype(int).tolist())

    def chosen(self, rows: Indices) -> "Rows":
        """Return the rows with these numbers, which are in increasing order."""
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return Rows(self.inputs.of_rows(rows), [self.gold[row] for row in rows], columns)


@dataclass(frozen=True)
class Tokens:
    """Tokenized training and validation rows; `labelled` is the first part of `train`."""

    train: Rows
    labelled: Rows
    validation: Rows


def decide_nothing(labels: Sequence[str], gold: Sequence[Any]) -> str | None:
    """Say why rows with these labels cannot tell a good model from a bad one, such as ``hold no entity``; else None."""
    there = {labels[number] for number in np.unique(flat(gold)).tolist()}
    if isinstance(gold[0], int | np.integer):
        return None if len(there) > 1 else f"all have the label {min(there)!r}"
    return None if there - {OUTSIDE} else "hold no entity"


def is_grouped(labels: Sequence[Any]) -> bool:
    """Return whether rows of one label each are sorted by label, with too few labels for that to be an accident."""
    if not len(labels) or not isinstance(labels[0], int | str | np.integer):
        return False
    there = len(set(labels))
    return 1 < there <= len(labels) / 2 and sum(one != other for one, other in pairwise(labels)) < there


def lacks_labels(labels: Sequence[Any], rows: int) -> bool:
    """Return whether the first `rows` of these rows, of one label each, lack a label of which chance gives them 5."""
    if not len(labels) or not isinstance(labels[0], int | str | np.integer):
        return False
    there = set(labels[:rows])
    return any(
        label not in there and count * rows >= _BY_CHANCE * len(labels) for label, count in Counter(labels).items()
    )


def every_second(gold: Sequence[Any]) -> NDArray[np.intp]:
    """Return the numbers of half of the rows, in increasing order: every second one of each label.

    In tagging, it is every second one of the rows that have the same set of labels.
    """
    order = sorted(range(len(gold)), key=lambda row: np.unique(gold[row]).tolist())
    return np.sort(np.array(order[1::2], dtype=np.intp))


def predictions_of(gold: Sequence[Any], rows: Indices) -> NDArray[np.intp]:
    """Return the positions, among all predictions, of those of the rows with these numbers."""
    counts = [np.size(labels) for labels in gold]
    return np.flatnonzero(np.repeat(np.isin(np.arange(len(gold)), rows), counts))


def flat(gold: Sequence[Any]) -> NDArray[np.int64]:
    """Concatenate labels: one per prediction."""
    if len(gold) and not isinstance(gold[0], int | np.integer):
        gold = [label for row in gold for label in row]
    return np.asarray(gold, dtype=np.int64)
