"""The order of the labels: the model's names, numbers, or its scores; and when they decide nothing."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.errors import CheckFailed
from pocketbert.compress.pipeline.init.labels import Order, decide_order, sample
from pocketbert.compress.pipeline.init.model import Description
from pocketbert.compress.tasks import open_task

TRUTH = np.arange(200) % 2
RIGHT = np.where(np.arange(200) % 10 == 0, 1 - TRUTH, TRUTH)  # 90 %


def decide(names: list[str], labels: list[str], answers: Any, truth: Any = TRUTH) -> Order:
    model = Description("my-bert", "my-bert", SimpleNamespace(), names)  # type: ignore[arg-type]
    logits = np.eye(len(labels), dtype=np.float32)[answers]
    return decide_order(model, open_task("classification", labels, 16), logits, truth.tolist(), "200 validation texts")


def refused(*arguments: Any) -> str:
    with pytest.raises(CheckFailed) as raised:
        decide(*arguments)
    return str(raised.value)


GENERIC, CHINESE = ["LABEL_0", "LABEL_1"], ["正面", "负面"]


@pytest.mark.parametrize("swapped", [False, True])
def test_generic_names_are_decided_by_the_scores(swapped: bool) -> None:
    order = decide(GENERIC, CHINESE, 1 - RIGHT if swapped else RIGHT)
    best = CHINESE[::-1] if swapped else CHINESE
    assert order.labels == best
    assert order.line == (
        f"order {', '.join(best)}: 90.0 % on 200 validation texts; the other way round 10.0 %  ->  "
        f'labels = ["{best[0]}", "{best[1]}"]'
    )


def test_names_that_are_the_datas_decide_whatever_the_order_of_the_data() -> None:
    order = decide(CHINESE[::-1], CHINESE, 1 - RIGHT)
    assert order.labels == CHINESE[::-1]
    assert order.line == "order 负面, 正面 as the model names them: 90.0 % on 200 validation texts"
    assert decide(CHINESE, CHINESE, RIGHT).labels == []


def test_a_model_below_chance_is_called_so_with_the_order_that_would_fit() -> None:
    said = refused(CHINESE, CHINESE, 1 - RIGHT)
    assert "with its own names 正面, 负面 the accuracy is 10.0 % on 200 validation texts, below chance (50 %)" in said
    assert "the order 负面, 正面 would reach 90.0 %" in said
    assert '{"0": "负面", "1": "正面"}' in said


def test_numbers_are_the_models_own_unless_the_scores_say_otherwise() -> None:
    order = decide(GENERIC, ["0", "1"], RIGHT)
    assert (order.labels, order.line) == ([], "order 0, 1 by number: 90.0 % on 200 validation texts")
    assert decide(GENERIC, ["0", "1"], 1 - RIGHT).labels == ["1", "0"]
    assert "below chance" in refused(CHINESE, ["0", "1"], 1 - RIGHT)


def test_a_model_at_chance_decides_nothing() -> None:
    said = refused(GENERIC, CHINESE, np.random.default_rng(0).integers(0, 2, 200))
    assert "no order of the labels is better than chance: " in said
    assert "Check that the model was fine-tuned on this task" in said
    assert "better than chance" in refused(CHINESE, CHINESE, np.zeros(200, dtype=int))


def test_labels_too_rare_to_decide_are_shown_in_both_orders() -> None:
    truth = np.repeat(np.arange(4), [90, 90, 1, 1])
    said = refused([f"LABEL_{n}" for n in range(4)], ["a", "b", "c", "d"], truth, truth)
    assert "the scores do not decide the order of the labels: a, b, c, d reaches 100.0 %" in said
    assert "a, b, d, c 98.9 %" in said
    assert decide(["a", "b", "c", "d"], ["a", "b", "c", "d"], truth, truth).labels == []


def test_of_many_labels_the_next_best_order_names_what_it_exchanges() -> None:
    truth = np.repeat(np.arange(3), [80, 80, 40])
    line = decide([f"LABEL_{n}" for n in range(3)], ["a", "b", "c"], truth, truth).line
    assert "the next best order (" in line
    assert "c exchanged) 40.0 %" in line


def test_the_scored_rows_are_spread_over_rows_and_labels() -> None:
    gold = [0] * 900 + [1] * 90 + [2] * 10
    chosen = sample(gold)
    assert [sum(gold[row] == label for row in chosen) for label in range(3)] == [180, 20, 10]
    assert len(sample([0, 1] * 2000)) == 200
    assert sample([[0], [1, 2]]) == [0, 1]


def test_a_model_of_a_rare_label_is_better_than_chance() -> None:
    """Of 1 % positives, 2 of 200 rows could not tell a perfect model from one that knows the frequencies."""
    gold = [0] * 1980 + [1] * 20
    truth = np.array([gold[row] for row in sample(gold)])
    assert truth.sum() == 20
    assert decide(GENERIC, CHINESE, truth, truth).labels == CHINESE
