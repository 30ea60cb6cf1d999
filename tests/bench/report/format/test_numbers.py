import pytest

from pocketbert.bench.report.format import numbers
from pocketbert.bench.stats.intervals import Interval


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.4123, "0.412"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (18.44, "18.4"),
        (99.96, "100"),
        (350.2, "350"),
        (1234.5, "1,234"),
        (-0.0521, "−0.0521"),
        (float("nan"), "n/a"),
    ],
)
def test_three_significant_digits(value: float, written: str) -> None:
    assert numbers.significant(value) == written


def test_fewer_digits_on_request() -> None:
    assert numbers.significant(0.2134, 2) == "0.21"
    assert numbers.significant(2.1e-6, 2) == "0.0000021"


def test_no_negative_zero() -> None:
    assert numbers.fixed(-0.04, 1) == "0.0"
    assert numbers.fixed(-0.06, 1) == "−0.1"


def test_metrics_are_percent_and_drops_are_points() -> None:
    assert numbers.percent(0.8652) == "86.5 %"
    assert numbers.points(0.024) == "2.4"
    assert numbers.points(-0.0031) == "−0.3"
    assert numbers.points_between(0.011, 0.037) == "1.1 to 3.7"


def test_times_and_memory() -> None:
    assert numbers.milliseconds(18.44) == "18.4"
    assert numbers.mebibytes(41.23) == "41.2 MiB"
    assert numbers.mebibytes(24105) == "24,105 MiB"


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0 B"), (940, "940 B"), (999, "999 B"), (1000, "1.00 kB"), (11_900_000, "11.9 MB"), (999_600_000, "1.00 GB")],
)
def test_file_sizes_are_decimal(count: int, written: str) -> None:
    assert numbers.file_size(count) == written


def test_quantities() -> None:
    assert numbers.quantity(38_300_000) == "38.3 M"
    assert numbers.quantity(2_760_000_000) == "2.76 G"
    assert numbers.quantity(512) == "512"


def test_speed_up_is_the_inverse_ratio_with_its_interval() -> None:
    assert numbers.times(11.34) == "11.3×"
    assert numbers.speed_up(Interval(estimate=0.1, low=0.08, high=0.125)) == "10.0× (8.00 to 12.5)"
    assert numbers.speed_up(Interval(estimate=0.1, low=-0.01, high=0.125)) == "n/a"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.42, "0.4 s"), (9.97, "10 s"), (42.4, "42 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_durations(seconds: float, written: str) -> None:
    assert numbers.duration(seconds) == written
