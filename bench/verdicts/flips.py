"""Prediction flips: the test rows that one model gets right and another wrong."""

import numpy as np

from pocketbert.bench.measuring.subject import ScoredRows
from pocketbert.bench.records.outcomes import unpack
from pocketbert.bench.records.results import Accuracy, FlippedRow, Flips
from pocketbert.compress.tasks import Task

SHOWN = 50
"""Rows listed per artifact and direction; the counts include all rows."""
_CHARACTERS = 48


def flips(
    artifact: str, now: Accuracy, against: str, before: Accuracy, *, rows: ScoredRows, task: Task, texts: bool
) -> Flips:
    """Return the negative flips (`lost`) and positive flips (`won`), in the order of the test split.

    Args:
        against: the name of the model that `before` belongs to.
        before: the other model's outcomes on the same rows.
        texts: show the texts of the rows, which may be personal data.
    """
    was, now_right = task.right(unpack(before)), task.right(unpack(now))
    lost, won = (np.flatnonzero(mask).tolist() for mask in (was & ~now_right, ~was & now_right))

    def listed(numbers: list[int]) -> list[FlippedRow]:
        shown = ((n, task.show(rows.columns, n) if texts else "") for n in numbers[:SHOWN])
        short = ((n, text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…") for n, text in shown)
        return [FlippedRow(row=n, text=text, label=task.show_label(rows.columns, n)) for n, text in short]

    return Flips(
        artifact=artifact, against=against, lost=len(lost), won=len(won), lost_rows=listed(lost), won_rows=listed(won)
    )
