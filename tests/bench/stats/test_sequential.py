from math import log

import numpy as np
import pytest

from pocketbert.bench.stats.sequential import LOOKS, change, decide, detectable, look, smallest_limit


def test_the_interval_of_a_change_is_students_t_with_its_share_of_the_error() -> None:
    logs = [0.01, 0.02, 0.03, 0.04]
    found = change(logs)
    # t of 3 degrees of freedom at 1 - 0.025/8 is 6.8952; half = t × s / sqrt(4), s = 0.0129099
    half = 6.8952 * 0.0129099 / 2
    assert found.estimate == pytest.approx(np.exp(0.025) - 1)
    assert found.low == pytest.approx(np.exp(0.025 - half) - 1, rel=1e-3)
    assert found.high == pytest.approx(np.exp(0.025 + half) - 1, rel=1e-3)


@pytest.mark.parametrize(
    ("middle", "outcome"), [(0.2, "regressed"), (0.0, "ok"), (-0.2, "improved"), (0.05, None), (-0.05, "ok")]
)
def test_a_look_decides_when_the_interval_clears_the_threshold(middle: float, outcome: str | None) -> None:
    logs = [log(1 + middle) + noise for noise in (-0.002, 0.001, 0.002, -0.001)]
    assert look(logs, 0.05).outcome == outcome


def test_nothing_is_settled_between_two_looks() -> None:
    assert decide([0.0] * (LOOKS[0] - 1), 0.05) is None
    found = decide([0.0] * LOOKS[0], 0.05)
    assert found is not None
    assert (found.outcome, found.pairs) == ("ok", LOOKS[0])
    wavering = [0.2, -0.2] * 50
    assert decide(wavering[: LOOKS[-1] - 1], 0.05) is None
    found = decide(wavering, 0.05)
    assert found is not None
    assert (found.outcome, found.pairs) == (None, LOOKS[-1])


def test_looking_again_and_again_keeps_the_error_rate() -> None:
    """At the threshold itself, the worst case, each side errs at most once in 40."""
    rng = np.random.default_rng(3)
    outcomes = []
    for _ in range(2000):
        found = decide((log(1.05) + rng.normal(0, 0.01, LOOKS[-1])).tolist(), 0.05)
        outcomes.append(found.outcome if found else None)
    assert outcomes.count("regressed") <= 0.025 * 2000 + 20
    assert outcomes.count("ok") <= 0.025 * 2000 + 20


def test_more_noise_hides_more() -> None:
    assert 0.05 < detectable(0.005, 20, 0.05) < detectable(0.02, 20, 0.05) < detectable(0.02, 4, 0.05)


@pytest.mark.parametrize(("deviation", "pairs"), [(0.01, 36), (0.05, 36), (0.05, 100), (0.02, 15)])
def test_at_the_smallest_limit_equal_files_are_ok_4_times_out_of_5(deviation: float, pairs: int) -> None:
    limit = smallest_limit(deviation, pairs)
    rng, most = np.random.default_rng(5), min(pairs, LOOKS[-1])
    looks = (look(rng.normal(0, deviation, most).tolist(), limit) for _ in range(2000))
    assert 0.75 < sum(found.outcome == "ok" for found in looks) / 2000 < 0.88
