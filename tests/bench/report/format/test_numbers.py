import pytest

from pocketbert.bench.records.results import OnPhone
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


def test_metrics_are_percent_and_changes_are_percentage_points() -> None:
    assert numbers.percent(0.8652) == "86.5 %"
    assert numbers.pp(0.024) == "+2.4 pp"
    assert numbers.between(-0.011, 0.037) == "−1.1 to +3.7"


def test_a_drop_is_a_negative_change() -> None:
    drop = Interval(estimate=0.024, low=0.011, high=0.037)
    assert numbers.pp_change(numbers.negated(drop)) == "−2.4 pp (−3.7 to −1.1)"


def test_a_change_without_an_interval_has_no_brackets() -> None:
    assert numbers.change(Interval(estimate=0.031, low=0.031, high=0.031)) == "+3.1 %"


@pytest.mark.parametrize(
    ("low", "high", "written"), [(0.012, 0.05, "▲ +3.1 % (+1.2 to +5.0)"), (-0.01, 0.05, "+3.1 % (−1.0 to +5.0)")]
)
def test_a_change_is_marked_where_it_is_certain(low: float, high: float, written: str) -> None:
    interval = Interval(estimate=0.031, low=low, high=high)
    assert numbers.arrow(interval) + numbers.change(interval) == written
    assert numbers.arrow(numbers.negated(interval)) == ("▼ " if low > 0 else "")


def test_zero_has_no_sign() -> None:
    assert [numbers.signed_points(value) for value in (0.0, 0.0004, -0.0004, 0.012, -0.004)] == [
        "0.0", "0.0", "0.0", "+1.2", "−0.4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("quantity", "value", "written"),
    [
        ("latency", 0.104, "0.104×"),
        ("memory", 27.0, "27.0 MiB"),
        ("accuracy", 0.8592, "85.9 %"),
        ("size", 13.9e6, "13.9 MB"),
        ("deflated", 12.8e6, "12.8 MB"),
        ("size", None, ""),
    ],
)
def test_a_figure_has_its_quantitys_unit(quantity: numbers.Quantity, value: float | None, written: str) -> None:
    assert numbers.figure(quantity, value) == written


def test_times_and_memory() -> None:
    assert numbers.milliseconds(18.44) == "18.4"
    phone = OnPhone(device="d", artifact="a", length="128", p50_ms=18.44)
    assert numbers.p50_p90(phone) == "18.4"
    assert numbers.p50_p90(phone.model_copy(update={"p90_ms": 20.06})) == "18.4 / 20.1"
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
