import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pocketbert.bench.stats.intervals import Interval, Ratio, quantile, ratio_over_sets, relative_change


def test_quantiles_are_interpolated() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([0, 10], 0.9) == pytest.approx(9)


def test_a_slow_spell_of_the_machine_cancels_out() -> None:
    spell = np.where(np.arange(100) < 50, 1.0, 3.0)
    sets = [spell[:25], spell[25:50], spell[50:75], spell[75:]]
    ratio = ratio_over_sets([2 * times for times in sets], sets)
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx((2, 2, 2))


def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        started = rng.normal(0, 0.02, 4)  # what a set of processes finds at its start
        a = [2 * rng.lognormal(luck, 0.05, 25) for luck in started]
        b = [rng.lognormal(0, 0.05, 25) for _ in range(4)]
        ratio = ratio_over_sets(a, b)
        covered += ratio.low <= 2 <= ratio.high
    assert 0.92 <= covered / 400 <= 0.98


def test_a_change_combines_both_intervals() -> None:
    change = relative_change(
        Interval(estimate=1.1, low=1.1 / 1.03, high=1.1 * 1.03), Interval(estimate=1.0, low=1 / 1.04, high=1.04)
    )
    half = np.hypot(np.log(1.03), np.log(1.04))
    assert change.estimate == pytest.approx(0.1)
    assert (change.low, change.high) == pytest.approx((1.1 * np.exp(-half) - 1, 1.1 * np.exp(half) - 1))


def test_a_ratio_is_so_bounded_that_a_change_of_ratios_is_finite() -> None:
    ratios = TypeAdapter(Ratio)
    smallest = ratios.validate_python({"estimate": 1e-30, "low": 1e-30, "high": 1e30})
    largest = ratios.validate_python({"estimate": 1e30, "low": 1e-30, "high": 1e30})
    assert relative_change(largest, smallest).high > 1e59
    for wrong in ({"estimate": 1, "low": 1e-31, "high": 1}, {"estimate": 1, "low": 1, "high": 1e31}):
        with pytest.raises(ValidationError, match="expected 0 < low <= estimate <= high, 1e-30 to 1e\\+30"):
            ratios.validate_python(wrong)


def test_sets_that_differ_beyond_all_measure_still_give_a_ratio() -> None:
    found = ratio_over_sets([[1.0], [1e20]], [[1.0], [1.0]])
    TypeAdapter(Ratio).validate_python(found.model_dump())
    assert found.low < 1e-20 < 1e20 < found.high
