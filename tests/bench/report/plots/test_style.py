import numpy as np
import pytest

from pocketbert.bench.report.plots.style import density, latin, log_axis, new_figure


@pytest.mark.parametrize(
    ("low", "high", "least", "ticks"),
    [
        (0.9, 1100, 4, [1, 10, 100, 1000]),
        (8, 120, 4, [10, 20, 50, 100]),
        (9.1, 10.6, 2, [10]),
        (17, 33, 4, [18, 20, 25, 30]),
    ],
)
def test_ticks_are_plain_numbers_inside_the_axis(low: float, high: float, least: int, ticks: list[float]) -> None:
    axes = new_figure(2).subplots()
    log_axis(axes, "x", low, high, least)
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (low, high)
    assert axes.get_xticks().tolist() == pytest.approx(ticks)
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{tick:g}" for tick in ticks]
    assert axes.get_yscale() == "linear"


def test_the_density_is_highest_at_the_mode_and_scaled_to_one() -> None:
    logs = np.log(np.random.default_rng(0).normal(20, 1, 400))
    at, height = density(logs)
    assert (at[0], at[-1]) == (logs.min(), logs.max())
    assert height.max() == 1
    assert np.exp(at[height.argmax()]) == pytest.approx(20, rel=0.03)


def test_a_few_slow_requests_do_not_flatten_the_density() -> None:
    logs = np.log(np.random.default_rng(0).normal(20, 0.2, 400))
    logs[::20] += np.log(4)
    at, height = density(logs)
    wide = at[height > 0.5]
    assert wide.max() - wide.min() < 0.1


def test_equal_samples_have_a_density() -> None:
    at, height = density(np.zeros(5))
    assert np.isfinite(height).all()
    assert (at == 0).all()


def test_characters_without_a_glyph_are_replaced() -> None:
    assert latin("教师 é") == "?? é"
