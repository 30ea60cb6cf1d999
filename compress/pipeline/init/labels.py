"""The order of the labels: told by the model's own names, or decided by its answers on validation rows."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import CheckFailed, listed, percent
from pocketbert.compress.pipeline.init.model import Description
from pocketbert.compress.tasks import Task, open_task
from pocketbert.compress.tasks.label_order import Ranking, other_order, rank

ROWS, PER_LABEL = 200, 20
"""Validation rows that are scored: so many, and so many for each label."""


class Order(NamedTuple):
    """What is said about the order, and `task.labels`: none if the order of the data is the model's."""

    line: str
    labels: list[str]


def sample(gold: Sequence[Any]) -> list[int]:
    """Return the numbers of evenly spaced rows of each label, in ascending order; of tags, of all rows.

    A rare label has `PER_LABEL` rows, too: with fewer, the best answers would not differ from chance.

    Args:
        gold: the label of each row, or its list of tags.
    """
    rows: dict[Any, list[int]] = {}
    for row, label in enumerate(gold):
        rows.setdefault(None if isinstance(label, list) else label, []).append(row)
    chosen: list[int] = []
    for same in rows.values():
        wanted = min(len(same), max(round(ROWS * len(same) / len(gold)), PER_LABEL))
        chosen += [same[at * len(same) // wanted] for at in range(wanted)]
    return sorted(chosen)


def decide_order(model: Description, task: Task, logits: NDArray[np.float32], gold: Sequence[Any], rows: str) -> Order:
    """Decide which output of the model means which label.

    The model's own names decide if they are the data's, and so do the numbers 0, 1, …: the scores may contradict them.
    Outputs called LABEL_0, LABEL_1, … are decided by the scores alone.

    Args:
        task: has the labels in the order of the data.
        gold: the label of each scored row, in that order.
        rows: names the scored rows, such as ``200 validation texts``.

    Raises:
        CheckFailed: the scores contradict the names, decide nothing, or are no better than chance.
    """
    named = sorted(model.names) == sorted(task.labels)
    numbered = set(task.labels) == {str(number) for number in range(len(task.labels))}
    own = model.names if named else task.labels
    ranking = rank(task, logits, gold)
    given = open_task(task.kind, list(own), task.max_length)
    moved = _renumbered(gold, [own.index(label) for label in task.labels])
    score, other = given.scores(logits, moved)[task.metric], other_order(given, logits, moved)
    if not ranking.above_chance:
        raise CheckFailed(
            f"{model.where}: no order of the labels is better than chance: {_both(ranking, rows)}. Check that the "
            "model was fine-tuned on this task, and that the columns are the right ones"
        )
    if (named or numbered) and other is None:
        said = f"{'as the model names them' if named else 'by number'}: {percent(score)} on {rows}"
        return Order(f"order {', '.join(own)} {said}", list(own) if own != task.labels else [])
    if (named or not model.generic) and other is not None:
        raise CheckFailed(
            f"{model.where}: with its own names {listed(model.names)} the {task.metric} is {percent(score)} on {rows}"
            f"{_below_chance(score, task)}; the order {listed(other.labels)} would reach {percent(other.reached)}. "
            f"Correct id2label in its config.json: {_numbered(other.labels)}"
        )
    if not ranking.clear:
        raise CheckFailed(
            f"{model.where}: the scores do not decide the order of the labels: {_both(ranking, rows)}. Name the "
            f"outputs in config.json, such as id2label = {_numbered(ranking.best)}, and run init again"
        )
    return Order(_decided(ranking, rows), ranking.best)


def _both(ranking: Ranking, rows: str) -> str:
    best, second = percent(ranking.reached), percent(ranking.second_reached)
    return f"{listed(ranking.best)} reaches {best} on {rows}, {listed(ranking.second)} {second}"


def _decided(ranking: Ranking, rows: str) -> str:
    moved = (name for name, other in zip(ranking.best, ranking.second, strict=True) if name != other)
    two = len(ranking.best) == 2
    second = "the other way round" if two else f"the next best order ({listed(moved)} exchanged)"
    return (
        f"order {', '.join(ranking.best)}: {percent(ranking.reached)} on {rows}; {second} "
        f"{percent(ranking.second_reached)}  ->  labels = {json.dumps(ranking.best, ensure_ascii=False)}"
    )


def _below_chance(score: float, task: Task) -> str:
    chance = 1 / len(task.labels)
    return f", below chance ({percent(chance, 0)})" if not task.token_level and score < chance else ""


def _renumbered(gold: Sequence[Any], ids: Sequence[int]) -> list[Any]:
    """Return labels, or lists of tags, with the new id of each old id."""
    return [[ids[tag] for tag in label] if isinstance(label, list) else ids[label] for label in gold]


def _numbered(labels: Sequence[str]) -> str:
    return json.dumps({str(number): label for number, label in enumerate(labels)}, ensure_ascii=False)
