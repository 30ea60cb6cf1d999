"""Finds out whether a model's answers fit another order of the labels than the given one."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import largest
from pocketbert.compress.tasks.paired import newcombe_drop
from pocketbert.compress.tasks.rows import flat

_CONFIDENCE = 0.99


class OtherOrder(NamedTuple):
    """An order of the labels that fits a model's answers better; the metric in the `given` order and in this one.

    `labels` names the model's outputs, first to last.
    """

    labels: list[str]
    metric: str
    given: float
    reached: float

    def message(self, own: Sequence[str]) -> str:
        """Say so, with both scores and the way out.

        Args:
            own: the names of the outputs in the model's configuration, which are wrong if they are the data's labels.
        """
        listed = json.dumps(self.labels, ensure_ascii=False)
        named = json.dumps({str(number): label for number, label in enumerate(self.labels)}, ensure_ascii=False)
        wrong = f"id2label in its config.json to {named}, and " if sorted(own) == sorted(self.labels) else ""
        return (
            f"its outputs seem to be in another order than the labels: {self.metric} is {self.given:.1%} in the given "
            f"order and {self.reached:.1%} in another one; set {wrong}labels in [task] to {listed}"
        )


def other_order(task: Task, logits: NDArray[np.float32], gold: Sequence[object]) -> OtherOrder | None:
    """Return the order of labels that fits `logits`, (predictions, labels), or None if the given order may be right.

    The best order is the assignment of outputs to labels with the most right answers (Kuhn 1955, the Hungarian method).
    It is reported only if chance does not explain it. Both conditions are 99 % bounds over the predictions:

    - The order found on one half of the rows is right more often than the given order on the other half, both ways
      (Newcombe's interval): the choice among many orders gains nothing.
    - The best order is right more often than answers with the same frequencies would be by chance. A model that
      predicts one label for every row is therefore not reported.
    """
    truth, answers, count = flat(gold), largest(logits), len(task.labels)
    known = truth >= 0
    truth, answers = truth[known], answers[known]
    order = best_order(truth, answers, count)
    if len(truth) < 2 or np.array_equal(order, np.arange(count)):
        return None
    elsewhere, odd = np.empty_like(answers), np.arange(len(answers)) % 2 == 1
    for half in (odd, ~odd):
        elsewhere[half] = best_order(truth[~half], answers[~half], count)[answers[half]]
    if newcombe_drop(elsewhere == truth, answers == truth, _CONFIDENCE).low <= 0:
        return None
    moved = order[answers]
    chance = float(np.bincount(moved, minlength=count) @ np.bincount(truth, minlength=count)) / len(truth) ** 2
    if _lower_bound(moved == truth) <= chance:
        return None
    columns = np.argsort(order)  # of label l: the output that means it
    given, reached = (task.scores(each, gold)[task.metric] for each in (logits, logits[:, columns]))
    return OtherOrder([task.labels[label] for label in order], task.metric, given, reached)


def best_order(truth: NDArray[np.int64], answers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the label that each of `count` outputs means, (outputs,), so that most answers are right.

    Of several such orders one that moves the fewest labels is returned.
    """
    from scipy.optimize import linear_sum_assignment

    right = np.zeros((count, count))
    np.add.at(right, (answers, truth), 1.0)
    outputs, labels = linear_sum_assignment(right + np.eye(count) / (count + 1), maximize=True)
    return np.asarray(labels[np.argsort(outputs)], dtype=np.intp)


def _lower_bound(right: NDArray[np.bool_]) -> float:
    from scipy.stats import binomtest

    interval = binomtest(int(right.sum()), len(right)).proportion_ci(2 * _CONFIDENCE - 1, method="wilson")
    return float(interval.low)
