from itertools import pairwise

import numpy as np
import pytest

from pocketbert.compress.base.progress import Progress
from studies.shared.race import race, ratio


class Session:
    """Writes down when it is asked."""

    def __init__(self, name: str, order: list[str]) -> None:
        self.name, self.order = name, order

    def logits(self, batch: object) -> np.ndarray:
        self.order.append(self.name)
        return np.zeros(1)


def test_sessions_run_in_turn() -> None:
    order: list[str] = []
    found = race({name: Session(name, order) for name in "ab"}, {}, 3, 2, Progress())
    assert order[:8] == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert {name: len(times) for name, times in found.items()} == {"a": 3, "b": 3}


@pytest.mark.parametrize("names", ["abc", "abcd"])
def test_of_more_than_two_none_runs_twice_in_a_row(names: str) -> None:
    order: list[str] = []
    race({name: Session(name, order) for name in names}, {}, 7, 2, Progress())
    assert all(before != after for before, after in pairwise(order))
    rounds = [order[at : at + len(names)] for at in range(0, len(order), len(names))]
    assert all(sorted(each) == list(names) for each in rounds)


def test_a_ratio_is_per_round_with_an_interval_of_order_statistics() -> None:
    slow_spell = np.linspace(1, 9, 100)
    found = ratio((2 * slow_spell).tolist(), slow_spell.tolist())
    assert found.estimate == found.low == found.high == 2
    drawn = np.random.default_rng(0).permutation(np.linspace(1.0, 2.0, 100))
    found = ratio(drawn.tolist(), [1.0] * 100)
    assert str(found) == "1.500 (1.404 to 1.606)"
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
