"""The training rows on which a statically quantized file is calibrated."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import NO_LABEL, Rows

if TYPE_CHECKING:
    from pocketbert.compress.data.texts import Texts

ROWS = 128
"""Rows, one of each label among them: docs/quantization-results.md compares numbers of rows."""


def draw(gold: Sequence[Any]) -> list[int]:
    """Draw the numbers of the rows with these labels (a list per row of a tagger): first one of each, then any."""
    order = np.random.default_rng(0).permutation(len(gold)).tolist()
    of_label = {label: row for row in reversed(order) for label in _labels(gold[row])}
    first = list(dict.fromkeys(of_label.values()))
    return sorted(list(dict.fromkeys([*first, *order]))[: max(ROWS, len(first))])


def choose(rows: Rows) -> Inputs:
    """Return the inputs of the drawn rows."""
    drawn, inputs = set(draw(rows.gold)), rows.inputs
    return inputs.chosen([n for n in range(len(inputs)) if (n if inputs.rows is None else inputs.rows[n]) in drawn])


def check_labels(texts: "Texts", where: str) -> None:
    """Raise `BadInput` if the rows for calibration have a single label: activations of the others are not seen."""
    gold = texts.splits["train"]["label"][: texts.labelled]
    there = {label for row in draw(gold) for label in _labels(gold[row])}
    if len(there) == 1:
        only = texts.task.labels[there.pop()]
        raise BadInput(
            f"{where}: its activations are calibrated on training rows, and every labelled one is {only!r}; expected: "
            "rows of at least two labels; add some, or remove this artifact"
        )


def _labels(gold: Any) -> set[int]:
    """Return the labels of a row: one of a text, one per word of a tagger."""
    return {int(label) for label in np.atleast_1d(gold)} - {NO_LABEL}
