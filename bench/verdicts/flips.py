"""The test rows that one model gets right and another wrong: what stands behind a difference of two scores."""

import numpy as np

from pocketbert.bench.measuring.subject import Rows
from pocketbert.bench.records.results import Accuracy, FlippedRow, Flips, unpack
from pocketbert.compress.tasks import Task

SHOWN = 8
"""Rows listed per artifact and direction; the counts are of all."""
_CHARACTERS = 48


def flips(artifact: str, now: Accuracy, against: str, before: Accuracy, rows: Rows, task: Task) -> Flips:
    """The rows whose answer turned from right to wrong and back, in the order of the test split.

    Args:
        against: what `before` belongs to, in words.
        before: of the same rows.
    """
    was, now_right = task.right(unpack(before)), task.right(unpack(now))
    lost, won = (np.flatnonzero(mask).tolist() for mask in (was & ~now_right, ~was & now_right))

    def listed(numbers: list[int]) -> list[FlippedRow]:
        return [
            FlippedRow(row=n, text=_cut(task.show(rows.columns, n)), label=task.show_label(rows.columns, n))
            for n in numbers[:SHOWN]
        ]

    return Flips(
        artifact=artifact, against=against, lost=len(lost), won=len(won), lost_rows=listed(lost), won_rows=listed(won)
    )


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
