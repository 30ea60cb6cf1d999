"""Numbers with units and rounding: three significant digits; percent and percentage points, one decimal."""

from math import floor, isfinite, log10
from typing import Literal

from pocketbert.bench.records.results import Latency, Metric, OnPhone
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.tasks.paired import Drop

MINUS = "−"
TIMES = "×"
Quantity = Metric | Literal["deflated"]


def fixed(value: float, decimals: int) -> str:
    """Format with `decimals` decimals, a minus sign (not a hyphen), thousands separators and no negative zero."""
    text = f"{abs(value):,.{decimals}f}"
    return MINUS + text if value < 0 and text.strip("0,.") else text


def significant(value: float, digits: int = 3) -> str:
    """Format with `digits` significant digits and no exponent; all digits before the point are kept."""
    if not isfinite(value):
        return "n/a"
    if value == 0:
        return "0"
    decimals = max(digits - 1 - floor(log10(abs(value))), 0)
    if decimals and floor(log10(abs(round(value, decimals)))) > floor(log10(abs(value))):
        decimals -= 1  # 9.996 rounds up to 10.0, which has a digit more before the point
    return fixed(value, decimals)


def percent(fraction: float) -> str:
    """Format a fraction: 0.8652 is ``86.5 %``."""
    return f"{fixed(100 * fraction, 1)} %"


def negated(drop: Interval | Drop) -> Interval:
    """Return the change that a drop is: negative means worse."""
    return Interval(estimate=-drop.estimate, low=-drop.high, high=-drop.low)


def between(low: float, high: float) -> str:
    """Format an interval of fractions in percent or percentage points: ``−1.1 to +3.7``."""
    return f"{signed_points(low)} to {signed_points(high)}"


def pp(fraction: float) -> str:
    """Format a change in percentage points: −0.024 is ``−2.4 pp``."""
    return f"{signed_points(fraction)} pp"


def pp_change(interval: Interval) -> str:
    """Format a change with its interval in percentage points: ``−2.4 pp (−3.7 to −1.1)``."""
    return f"{pp(interval.estimate)} ({between(interval.low, interval.high)})"


def change(interval: Interval) -> str:
    """Format a relative change with its interval, in percent: ``+3.1 % (+1.2 to +5.0)``; without one, the change."""
    said = signed_percent(interval.estimate)
    return said if interval.low == interval.high else f"{said} ({between(interval.low, interval.high)})"


def signed_percent(fraction: float) -> str:
    """Format a relative change without interval: ``+3.1 %``."""
    return f"{signed_points(fraction)} %"


def signed_points(fraction: float) -> str:
    """Format a difference of two metrics in percentage points: ``−0.4``, ``+1.2``; zero has no sign."""
    middle = fixed(100 * fraction, 1)
    return middle if middle.startswith(MINUS) or not middle.strip("0.,") else f"+{middle}"


def arrow(interval: Interval) -> str:
    """Return ``▲`` or ``▼`` for a change whose whole interval lies above or below zero, else nothing."""
    return "▲ " if interval.low > 0 else "▼ " if interval.high < 0 else ""


def milliseconds(value: float) -> str:
    """Format milliseconds without unit: ``18.4``, ``208``, ``0.412``."""
    return significant(value)


def p50_p90(timing: Latency | OnPhone) -> str:
    """Format P50 and P90 in milliseconds: ``18.4 / 20.1``."""
    return " / ".join(milliseconds(ms) for ms in (timing.p50_ms, timing.p90_ms) if ms)


def mebibytes(value: float) -> str:
    """Format resident memory: ``41.2 MiB``."""
    return f"{significant(value)} MiB"


def file_size(count: int) -> str:
    """Format bytes in decimal units, as file managers and app stores do: ``11.9 MB``."""
    return _scaled(count, (" B", " kB", " MB", " GB"))


def quantity(count: int) -> str:
    """Format a number of parameters or MACs: ``38.2 M``, ``2.76 G``."""
    return _scaled(count, ("", " k", " M", " G", " T"))


def _scaled(count: int, units: tuple[str, ...]) -> str:
    value, unit = float(count), 0
    # 999.5 would be written 1,000: that is 1.00 of the next unit
    while abs(value) >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{significant(value) if unit else count}{units[unit]}"


def times(ratio: float) -> str:
    """Format a factor: ``11.3×``."""
    return f"{significant(ratio)}{TIMES}"


def figure(quantity: Quantity, value: float | None) -> str:
    """Format a figure: latency (a multiple of the teacher's P50), memory (MiB), bytes, or metric (a fraction)."""
    if value is None:
        return ""
    if quantity == "latency":
        return times(value)
    if quantity == "memory":
        return mebibytes(value)
    return percent(value) if quantity == "accuracy" else file_size(round(value))


def speed_up(ratio: Interval) -> str:
    """Format the speed-up with its interval from its inverse, P50 over the reference's: ``11.3× (10.9 to 11.8)``."""
    if min(ratio.low, ratio.estimate, ratio.high) <= 0:
        return "n/a"
    return f"{times(1 / ratio.estimate)} ({significant(1 / ratio.high)} to {significant(1 / ratio.low)})"


def duration(seconds: float) -> str:
    """Format elapsed time: ``0.4 s``, ``42 s``, ``3 min 20 s``, ``1 h 05 min``."""
    if seconds < 9.95:
        return f"{fixed(seconds, 1)} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
