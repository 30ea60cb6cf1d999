"""The guard: accepts or rejects a finished step. `pocketbert.compress.pipeline.retry` handles the rejected ones.

Every step is compared with the fine-tuned teacher on the same validation rows, so that small drops cannot add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput, CheckFailed, percent
from pocketbert.compress.manifest import Comparison, Step, Try
from pocketbert.compress.pipeline.recipe import GuardTable
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import NotFinite, check_finite
from pocketbert.compress.tasks.rows import every_second, predictions_of

LEAST_HELD_BACK = 500
"""Fewest validation rows that are held back for the guard: the interval of a drop on fewer rows decides little."""


class GuardStopped(CheckFailed):
    """A step was rejected and the recipe says ``on_fail = "stop"``."""


def held_back(rule: GuardTable, gold: Sequence[Any]) -> NDArray[np.intp] | None:
    """Return the numbers of the validation rows that no training may choose on; None: the guard decides on all.

    Args:
        gold: the labels of all validation rows.
    """
    if rule.rows == "all" or len(gold) < 2 * LEAST_HELD_BACK:
        return None
    return every_second(gold)


def judged_on(rule: GuardTable, rows: int, held: NDArray[np.intp] | None) -> str:
    """Describe on which of the validation rows the guard decides, for a recipe that chooses epochs on such rows."""
    if held is not None:
        return f"the guard decides on {len(held):,} of {rows:,} validation rows; the others choose the best epochs"
    needs = 2 * LEAST_HELD_BACK
    cure = f'guard.rows = "half" needs {needs:,} rows or more' if rows < needs else 'set guard.rows = "half"'
    return (
        f"the guard decides on the {rows:,} validation rows that also choose the best epochs, so the drops that it "
        f"sees are optimistic: too small, by up to 1.7 pp on the sets measured so far (docs/results.md); {cure}"
    )


@dataclass(frozen=True)
class Guard:
    """The recipe's rule, and the labels and the teacher's logits, (predictions, labels), of all validation rows.

    Args:
        rows: numbers of the rows that it decides on; None: all.
    """

    rule: GuardTable
    task: Task
    gold: Sequence[Any]
    teacher: NDArray[np.float32]
    rows: NDArray[np.intp] | None = None

    def compare(self, reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> Comparison:
        """Compare two models' logits of all validation rows on the rows that the guard decides on.

        Raises:
            NotFinite: a logit of any row is NaN or infinite.
        """
        gold, reference, candidate = self.gold, check_finite(reference), check_finite(candidate)
        if self.rows is not None:
            gold = [gold[row] for row in self.rows]
            reference, candidate = reference[self._predictions], candidate[self._predictions]
        return Comparison.of(self.task, gold, reference, candidate, self.rule.confidence)

    @cached_property
    def _predictions(self) -> NDArray[np.intp]:
        return predictions_of(self.gold, () if self.rows is None else self.rows)

    def decide(self, step: Step, logits: NDArray[np.float32], reason: str | None = None) -> Step:
        """Return `step` with its comparison and decision; `logits` of the validation rows, (predictions, labels).

        The step is rejected if the lower bound of its drop exceeds `max_drop`, and accepted if the upper bound does
        not. Otherwise the point estimate decides and the step is `unsettled`. The teacher's own step is the reference.

        Args:
            reason: rejects the step whatever its metric, such as a file that computes something else than its source.

        Raises:
            BadInput: a logit of the teacher is NaN or infinite; another step is rejected for it, without a comparison.
            GuardStopped: the teacher's metric is 0, so that every drop is 0 too.
        """
        limit = self.rule.max_drop
        try:
            comparison = self.compare(self.teacher, logits)
        except NotFinite as error:  # no score, whichever rows it is
            if step.decision == "reference":
                raise BadInput(f"{step.name}: {error}") from error
            told = [reason or str(error)]
            return step.model_copy(update={"decision": "rolled-back", "finite": False, "notes": told})
        if step.decision == "reference":
            if comparison.value == 0:
                raise GuardStopped(
                    f"{step.name}: {comparison.metric} 0 % on {comparison.rows:,} validation rows, so no model can be "
                    "worse than the teacher and nothing can be decided; train it longer (epochs, learning_rate, "
                    "frozen_layers), or look at its data"
                )
            return step.model_copy(update={"comparison": comparison, "notes": self._learnt_nothing()})
        drop = comparison.as_drop()
        accepted = drop.acceptable(limit) and reason is None
        return step.model_copy(
            update={
                "comparison": comparison,
                "decision": "accepted" if accepted else "rolled-back",
                "unsettled": drop.inconclusive(limit),
                "notes": [reason] if reason else [],
            }
        )

    def _learnt_nothing(self) -> list[str]:
        """Return a warning if the teacher predicts one label for every row: any student would pass the guard."""
        predicted = np.unique(self.teacher.argmax(axis=1))
        if len(predicted) > 1:
            return []
        label = self.task.labels[predicted[0]]
        return [
            f"every prediction is {label!r}: this teacher has learnt nothing, and a student of it will not either; "
            "change its epochs, learning_rate or frozen_layers, or look at its data"
        ]


def describe(step: Step, max_drop: float) -> str:
    """Describe a step in one line: its metric, the drop with its interval, the decision."""
    c = step.comparison
    because = f" ({'; '.join(step.notes)})" if step.notes else ""
    if len(step.tries) > 1:
        because += f", after {len(step.tries)} tries ({', '.join(map(describe_try, step.tries))})"
    if c is None:
        return f"{step.name}: {step.decision}{because}"
    if step.decision == "reference":
        return (
            f"{step.name}: {c.metric} {percent(c.value, 2)} on {c.rows:,} validation examples, the reference{because}"
        )
    decided = _would_decide(c, max_drop) if step.unsettled else ""
    change = f"{c.change.removesuffix(')')}, limit {-100 * max_drop:.1f})"
    return f"{step.name}: {c.metric} {percent(c.value, 2)}, change {change}: {step.decision}{because}{decided}"


def _would_decide(comparison: Comparison, max_drop: float) -> str:
    """Say how many examples a conclusive decision would need."""
    rows = comparison.as_drop().rows_to_decide(max_drop)
    would = (
        f"about {rows:,} would decide it" if rows else "the drop equals the limit, so more examples would not decide it"
    )
    return f", inconclusive on {comparison.rows:,} examples: {would}"


def describe_try(one: Try) -> str:
    """Describe one try: ``strength 0.25: -1.31 pp, rejected``, or ``2 in float: -0.12 pp, accepted``."""
    what = "as chosen" if one.strength is None else f"strength {one.strength:.3g}"
    if one.kept:
        what = one.kept
    spared = f" without layer {', '.join(map(str, one.spare))}" if one.spare else ""
    decision = "accepted" if one.accepted else "rejected"
    change = one.comparison.change.partition(" (")[0] if one.comparison else "no finite answers"
    return f"{what}{spared}: {change}, {decision}"
