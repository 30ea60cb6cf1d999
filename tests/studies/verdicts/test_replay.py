"""Recorded pairs are decided as the gate would decide them."""

from collections import Counter

from pocketbert.bench.stats.sequential import LOOKS
from studies.verdicts.replay import Rates, decide_once, in_order, resampled
from tests.support.verdicts import recorded_pairs


def test_a_replayed_verdict_takes_as_many_pairs_as_the_gate_would() -> None:
    assert decide_once(recorded_pairs(0.0, 40), 0.05) == ("ok", LOOKS[0])
    assert decide_once(recorded_pairs(0.2, 40), 0.05) == ("regressed", LOOKS[0])
    assert decide_once(recorded_pairs(0.05, 40, noise=0.05), 0.05) == ("inconclusive", LOOKS[-1])
    assert decide_once(recorded_pairs(0.0, LOOKS[0] - 1), 0.05)[0] == ""
    slow = [pair | {"seconds": 20.0} for pair in recorded_pairs(0.05, 40, noise=0.05)]
    assert decide_once(slow, 0.05) == ("inconclusive", LOOKS[0])


def test_verdicts_in_order_share_no_pair() -> None:
    rates = in_order(recorded_pairs(0.0, 43), 0.05)
    assert rates.counts == Counter(ok=10)
    assert resampled(recorded_pairs(0.0, 43), 0.05, verdicts=50).total == 50
    assert resampled(recorded_pairs(0.0, 3), 0.05, verdicts=50).total == 0


def test_the_interval_of_a_share_is_exact() -> None:
    assert Rates(Counter(ok=5, regressed=15)).shown("ok") == "5 = 25.0% (8.7 to 49.1)"  # binom.test of R
    none = 100 * (1 - 0.025 ** (1 / 200))
    assert Rates(Counter(ok=200)).shown("regressed") == f"0 = 0.0% (0.0 to {none:.1f})"
    assert Rates(Counter(ok=200)).shown("ok") == f"200 = 100.0% ({100 - none:.1f} to 100.0)"
    assert Rates(Counter()).shown("ok") == "–"
