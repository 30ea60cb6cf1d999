import numpy as np
import pytest

from bench.results import Interval
from bench.stats import paired_ratio, quantile, relative_change


def test_quantiles_are_interpolated() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([0, 10], 0.9) == pytest.approx(9)


def test_a_slow_spell_of_the_machine_cancels_out() -> None:
    spell = np.where(np.arange(100) < 50, 1.0, 3.0)
    ratio = paired_ratio(2 * spell, spell, scatter=0.0)
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx((2, 2, 2))


def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        a, b = rng.lognormal(np.log(2), 0.1, 100), rng.lognormal(0, 0.1, 100)
        ratio = paired_ratio(a, b, scatter=0.0, seed=seed)
        covered += ratio.low <= 2 <= ratio.high
    assert 0.88 <= covered / 200 <= 0.995


def test_scatter_between_processes_widens_the_interval() -> None:
    times = np.full(100, 5.0)
    ratio = paired_ratio(times, times, scatter=0.026)
    assert (ratio.low, ratio.high) == pytest.approx((np.exp(-1.96 * 0.026), np.exp(1.96 * 0.026)), rel=1e-4)


def test_a_change_combines_both_intervals() -> None:
    change = relative_change(
        Interval(estimate=1.1, low=1.1 / 1.03, high=1.1 * 1.03), Interval(estimate=1.0, low=1 / 1.04, high=1.04)
    )
    half = np.hypot(np.log(1.03), np.log(1.04))
    assert change.estimate == pytest.approx(0.1)
    assert (change.low, change.high) == pytest.approx((1.1 * np.exp(-half) - 1, 1.1 * np.exp(half) - 1))
