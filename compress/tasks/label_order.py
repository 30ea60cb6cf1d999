"""Finds out whether a model's answers fit another order of the labels than the given one."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import percent
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
            f"its outputs seem to be in another order than the labels: {self.metric} is {percent(self.given)} in the "
            f"given order and {percent(self.reached)} in another one; set {wrong}labels in [task] to {listed}"
        )


class Ranking(NamedTuple):
    """The two orders of the labels that fit a model's answers best; the metric in each.

    `best` and `second` name the model's outputs, first to last. `clear`: the best order is right more often than the
    second. `above_chance`: it is right more often than answers with the same frequencies would be by chance. Both are
    99 % bounds over the predictions.
    """

    metric: str
    best: list[str]
    reached: float
    second: list[str]
    second_reached: float
    clear: bool
    above_chance: bool


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
    if not _above_chance(order[answers], truth, count):
        return None
    given, reached = (_score(task, logits, gold, each) for each in (np.arange(count), order))
    return OtherOrder([task.labels[label] for label in order], task.metric, given, reached)


def rank(task: Task, logits: NDArray[np.float32], gold: Sequence[object]) -> Ranking:
    """Rank the orders of the labels by how well they fit `logits`, (predictions, labels)."""
    truth, answers, count = flat(gold), largest(logits), len(task.labels)
    known = truth >= 0
    truth, answers = truth[known], answers[known]
    best, second = best_order(truth, answers, count), _second_order(truth, answers, count)
    drop = newcombe_drop(best[answers] == truth, second[answers] == truth, _CONFIDENCE)
    reached, second_reached = (_score(task, logits, gold, order) for order in (best, second))
    return Ranking(
        task.metric,
        [task.labels[label] for label in best],
        reached,
        [task.labels[label] for label in second],
        second_reached,
        drop.low > 0,
        _above_chance(best[answers], truth, count),
    )


def _above_chance(answers: NDArray[np.intp], truth: NDArray[np.int64], count: int) -> bool:
    """Return whether answers are right more often than others of the same frequencies would be by chance."""
    chance = float(np.bincount(answers, minlength=count) @ np.bincount(truth, minlength=count)) / len(truth) ** 2
    return _lower_bound(answers == truth) > chance


def _score(task: Task, logits: NDArray[np.float32], gold: Sequence[object], order: NDArray[np.intp]) -> float:
    """Return the task's metric of logits whose outputs mean the labels `order`, (outputs,)."""
    columns = np.argsort(order)  # of label l: the output that means it
    return task.scores(logits[:, columns], gold)[task.metric]


def best_order(truth: NDArray[np.int64], answers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the label that each of `count` outputs means, (outputs,), so that most answers are right.

    Of several such orders one that moves the fewest labels is returned.
    """
    return _assigned(_right(truth, answers, count))


def _second_order(truth: NDArray[np.int64], answers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the order with the most right answers but for `best_order`; it differs from that in at least one output
    (Murty 1968, "An algorithm for ranking all the assignments in order of increasing cost").
    """
    right = _right(truth, answers, count)
    others = []
    for output, label in enumerate(_assigned(right)):
        without = right.copy()
        without[output, label] = -len(truth) - 1.0
        others.append(_assigned(without))
    return max(others, key=lambda order: float(right[np.arange(count), order].sum()))


def _right(truth: NDArray[np.int64], answers: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return how many answers are right if an output means a label, (outputs, labels); ties go to the given order."""
    right = np.eye(count) / (count + 1)
    np.add.at(right, (answers, truth), 1.0)
    return right


def _assigned(right: NDArray[np.float64]) -> NDArray[np.intp]:
    """Assign a label to each output, (outputs,), so that the sum is largest."""
    from scipy.optimize import linear_sum_assignment

    outputs, labels = linear_sum_assignment(right, maximize=True)
    return np.asarray(labels[np.argsort(outputs)], dtype=np.intp)


def _lower_bound(right: NDArray[np.bool_]) -> float:
    from scipy.stats import binomtest

    interval = binomtest(int(right.sum()), len(right)).proportion_ci(2 * _CONFIDENCE - 1, method="wilson")
    return float(interval.low)
