"""A model whose labels are in another order is told from one that is weak, has learnt nothing or predicts one label."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.label_order import OtherOrder, Ranking, best_order, other_order, rank

NAMES = ["neg", "neu", "pos", "mixed", "none"]


def found(
    truth: NDArray[np.int64], answers: NDArray[np.int64], labels: list[str], kind: str = "classification"
) -> OtherOrder | None:
    logits = np.eye(len(labels), dtype=np.float32)[answers]
    gold = [[int(label)] for label in truth] if kind == "tagging" else truth.tolist()
    return other_order(open_task(kind, labels, 16), logits, gold)


def answers_of(truth: NDArray[np.int64], accuracy: float, count: int, seed: int) -> NDArray[np.int64]:
    draw = np.random.default_rng(seed)
    return np.where(draw.random(len(truth)) < accuracy, truth, draw.integers(0, count, len(truth)))


def test_two_labels_the_wrong_way_round() -> None:
    truth = np.arange(48) % 2
    order = found(truth, 1 - answers_of(truth, 0.8, 2, 0), ["neg", "pos"])
    assert order is not None
    assert (order.labels, order.metric) == (["pos", "neg"], "accuracy")
    assert order.given < 0.2 < 0.8 < order.reached == pytest.approx(1 - order.given)
    scores = f"accuracy is {100 * order.given:.1f} % in the given order and {100 * order.reached:.1f} % in another one"
    said = f"its outputs seem to be in another order than the labels: {scores}; set "
    assert order.message(["LABEL_0", "LABEL_1"]) == said + 'labels in [task] to ["pos", "neg"]'
    renamed = 'id2label in its config.json to {"0": "pos", "1": "neg"}, and labels in [task] to ["pos", "neg"]'
    assert order.message(["neg", "pos"]) == said + renamed


def test_a_cycle_of_five_and_a_swap_of_two_rare_labels() -> None:
    truth = np.arange(200) % 5
    turned = found(truth, (answers_of(truth, 0.7, 5, 1) + 1) % 5, NAMES)
    assert turned is not None and turned.labels == ["none", "neg", "neu", "pos", "mixed"]
    rare = np.where(np.arange(400) % 5 == 0, np.arange(400) // 5 % 2, 2)  # 40 neg, 40 neu, 320 pos
    swapped = np.array([1, 0, 2])[answers_of(rare, 0.9, 3, 2)]
    order = found(rare, swapped, NAMES[:3])
    assert order is not None and order.labels == ["neu", "neg", "pos"]
    assert order.given > 0.7, "above chance as it is, and wrong all the same"


def test_of_words_the_metric_is_f1() -> None:
    truth = np.arange(300) % 3
    order = found(truth, np.array([0, 2, 1])[truth], ["O", "B-PER", "B-LOC"], "tagging")
    assert order is not None
    assert (order.labels, order.given, order.reached) == (["O", "B-LOC", "B-PER"], 0.0, 1.0)


@pytest.mark.parametrize("count", [2, 3, 15])
def test_chance_is_hardly_ever_an_order(count: int) -> None:
    """A model that has learnt nothing: of 15! orders the best one is far above chance on the rows it was chosen on."""
    labels = [f"l{number}" for number in range(count)]
    false = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        false += found(draw.integers(0, count, 60), draw.integers(0, count, 60), labels) is not None
    assert false <= 3


@pytest.mark.parametrize("accuracy", [0.05, 0.4, 0.9])
def test_a_weak_model_in_the_right_order_is_left_alone(accuracy: float) -> None:
    truth = np.arange(300) % 5
    for seed in range(50):
        assert found(truth, answers_of(truth, accuracy, 5, seed), NAMES) is None


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_for_every_row_is_no_order(label: int) -> None:
    """It has learnt nothing; with its rare label called the frequent one it would have 90 %."""
    truth = (np.arange(200) % 10 == 0).astype(np.int64)
    assert found(truth, np.full(200, label), ["neg", "pos"]) is None
    assert found(truth, np.where(np.arange(200) < 5, 1 - label, label), ["neg", "pos"]) is None


def test_labels_that_no_row_has_keep_their_place() -> None:
    truth = np.arange(100) % 2
    assert best_order(truth, 1 - truth, 5).tolist() == [1, 0, 2, 3, 4]
    assert best_order(truth, truth, 5).tolist() == [0, 1, 2, 3, 4]


def ranked(truth: NDArray[np.int64], answers: NDArray[np.int64], labels: list[str]) -> Ranking:
    logits = np.eye(len(labels), dtype=np.float32)[answers]
    return rank(open_task("classification", labels, 16), logits, truth.tolist())


@pytest.mark.parametrize("swap", [False, True])
def test_of_two_labels_the_scores_decide_which_output_means_which(swap: bool) -> None:
    truth = np.arange(200) % 2
    answers = answers_of(truth, 0.8, 2, 0)
    found = ranked(truth, 1 - answers if swap else answers, ["neg", "pos"])
    assert found.clear
    assert found.above_chance
    assert (found.best, found.second)[swap] == ["neg", "pos"]
    assert (found.best, found.second)[not swap] == ["pos", "neg"]
    right = float(np.mean(answers == truth))
    assert found.reached == pytest.approx(right)
    assert found.second_reached == pytest.approx(1 - right)


def test_of_five_labels_the_second_order_swaps_the_two_that_cost_least() -> None:
    truth = np.repeat(np.arange(5), [60, 60, 60, 60, 4])
    moved = np.array([2, 0, 1, 4, 3])
    found = ranked(truth, np.argsort(moved)[truth], NAMES)
    assert found.best == [NAMES[label] for label in moved]
    assert {name for name, other in zip(found.best, found.second, strict=True) if name != other} >= {"none"}
    assert found.reached == 1
    assert found.second_reached == pytest.approx(1 - 64 / 244)
    assert found.clear


def test_labels_that_hardly_occur_leave_the_order_open() -> None:
    truth = np.repeat(np.arange(5), [60, 60, 60, 1, 1])
    found = ranked(truth, truth, NAMES)
    assert found.best == NAMES
    assert not found.clear
    assert found.above_chance


def test_a_model_that_predicts_one_label_is_at_chance_however_frequent_the_label_is() -> None:
    truth = (np.arange(200) % 10 < 3).astype(np.int64)
    found = ranked(truth, np.zeros(200, dtype=np.int64), ["neg", "pos"])
    assert found.clear
    assert not found.above_chance


@pytest.mark.parametrize("count", [2, 3, 5])
def test_answers_that_know_nothing_hardly_ever_decide(count: int) -> None:
    draw = np.random.default_rng(count)
    decided = 0
    for _ in range(60):
        truth, answers = draw.integers(0, count, (2, 200))
        found = ranked(truth, answers, NAMES[:count])
        decided += found.clear and found.above_chance
    assert decided <= 2
