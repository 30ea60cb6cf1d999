import numpy as np

from pocketbert.compress.base.progress import Progress
from studies.shared.race import race, ratio


def test_sessions_run_in_turn() -> None:
    order: list[str] = []

    class Session:
        def __init__(self, name: str) -> None:
            self.name = name

        def logits(self, batch: object) -> np.ndarray:
            order.append(self.name)
            return np.zeros(1)

    found = race({"a": Session("a"), "b": Session("b")}, {}, 3, 2, Progress())
    assert order[:8] == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert {name: len(times) for name, times in found.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_per_round_with_an_interval_of_order_statistics() -> None:
    slow_spell = np.linspace(1, 9, 100)
    found = ratio((2 * slow_spell).tolist(), slow_spell.tolist())
    assert found.estimate == found.low == found.high == 2
    drawn = np.random.default_rng(0).permutation(np.linspace(1.0, 2.0, 100))
    found = ratio(drawn.tolist(), [1.0] * 100)
    assert str(found) == "1.500 (1.404 to 1.606)"
    assert ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
