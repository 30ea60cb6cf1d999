"""After every step: accept it or reject it. (What becomes of a rejected one: `pocketbert.compress.pipeline.retry`.)

The fine-tuned teacher is the yardstick of every step, on the same validation rows, so that drops cannot add up unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.manifest import Comparison, Step, Try
from pocketbert.compress.pipeline.recipe import GuardTable
from pocketbert.compress.tasks import Task


class GuardStopped(Exception):
    """A step was rejected and the recipe says ``on_fail = "stop"``."""


@dataclass(frozen=True)
class Guard:
    """The recipe's rule, the rows it is asked about, and the teacher's logits on them."""

    rule: GuardTable
    task: Task
    gold: Sequence[Any]
    teacher: NDArray[np.float32]

    def judge(self, step: Step, logits: NDArray[np.float32], reason: str | None = None) -> Step:
        """`step` with its comparison and decision; `logits` are of the validation rows, (answers, labels).

        Rejected when the lower bound of the drop exceeds `max_drop`, accepted when the upper bound does not; in
        between the point estimate decides and the step is `unsettled`. The teacher's own step is the reference.
        A `reason` rejects it whatever its metric says: a file that does not compute what its source does.
        """
        limit = self.rule.max_drop
        comparison = Comparison.of(self.task, self.gold, self.teacher, logits, self.rule.confidence)
        if step.decision == "reference":
            return step.model_copy(update={"comparison": comparison, "notes": self._learnt_nothing()})
        drop = comparison.as_drop()
        accepted = drop.acceptable(limit) and reason is None
        return step.model_copy(
            update={
                "comparison": comparison,
                "decision": "accepted" if accepted else "rolled-back",
                "unsettled": drop.settled(limit) == "unsettled",
                "notes": [reason] if reason else [],
            }
        )

    def _learnt_nothing(self) -> list[str]:
        """A word about a teacher that answers every row alike: nothing that is held against it can cost anything."""
        answers = np.unique(self.teacher.argmax(axis=1))
        if len(answers) > 1:
            return []
        label = self.task.labels[answers[0]]
        return [
            f"every answer is {label!r}: this teacher has learnt nothing, and a student of it will not either; change "
            "its epochs, learning_rate or frozen_layers, or look at its data"
        ]


def describe(step: Step, max_drop: float) -> str:
    """One line: the step, its metric, the drop with its interval, the decision."""
    c = step.comparison
    because = f" ({'; '.join(step.notes)})" if step.notes else ""
    if c is None:
        return f"{step.name}: {step.decision}{because}"
    if step.decision == "reference":
        return f"{step.name}: {c.metric} {c.value:.2%} on {c.rows} validation rows, the yardstick{because}"
    settled = _would_settle(c, max_drop) if step.unsettled else ""
    if len(step.tries) > 1:
        because += f", after {len(step.tries)} tries ({', '.join(map(describe_try, step.tries))})"
    return (
        f"{step.name}: {c.metric} {c.value:.2%}, drop {100 * c.drop:+.2f} points "
        f"({100 * c.low:+.2f} to {100 * c.high:+.2f}, allowed {100 * max_drop:.1f}): {step.decision}{because}{settled}"
    )


def _would_settle(comparison: Comparison, max_drop: float) -> str:
    """What a reader of an unsettled decision wants to know: how many rows it would have taken."""
    rows = comparison.as_drop().rows_to_settle(max_drop)
    would = f"about {rows:,} would settle it" if rows else "no number would settle a drop of just that size"
    return f", unsettled on {comparison.rows:,} rows: {would}"


def describe_try(one: Try) -> str:
    """``strength 0.25: +1.31 points, rejected``, or ``2 in float: +0.12 points, accepted``."""
    what = "as chosen" if one.strength is None else f"strength {one.strength:.3g}"
    if one.float_layers:
        what = f"{len(one.float_layers)} in float"
    spared = f" without layer {', '.join(map(str, one.spare))}" if one.spare else ""
    decision = "accepted" if one.accepted else "rejected"
    return f"{what}{spared}: {100 * one.comparison.drop:+.2f} points, {decision}"
