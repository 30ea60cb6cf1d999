"""Units and digits: quantities as a reader wants them. Three significant digits; percent and points, one decimal."""

from math import floor, isfinite, log10

from pocketbert.bench.stats.intervals import Interval

MINUS = "−"


def fixed(value: float, decimals: int) -> str:
    """A number with that many decimals, a true minus sign, thousands separated, and no negative zero."""
    text = f"{abs(value):,.{decimals}f}"
    return MINUS + text if value < 0 and text.strip("0,.") else text


def significant(value: float, digits: int = 3) -> str:
    """A number with `digits` significant digits and never an exponent; digits before the point are all kept."""
    if not isfinite(value):
        return "n/a"
    if value == 0:
        return "0"
    decimals = max(digits - 1 - floor(log10(abs(value))), 0)
    if decimals and floor(log10(abs(round(value, decimals)))) > floor(log10(abs(value))):
        decimals -= 1  # 9.996 rounds up to 10.0, which has a digit more before the point
    return fixed(value, decimals)


def percent(fraction: float) -> str:
    """A metric: 0.8652 is ``86.5 %``."""
    return f"{fixed(100 * fraction, 1)} %"


def points(fraction: float) -> str:
    """A drop without its unit: 0.024 is ``2.4`` (points, hundredths of the metric)."""
    return fixed(100 * fraction, 1)


def points_between(low: float, high: float) -> str:
    """The interval of a drop, in points: ``1.1 to 3.7``."""
    return f"{points(low)} to {points(high)}"


def change(interval: Interval) -> str:
    """A relative change with its interval, in percent: ``+3.1 % (1.2 to 5.0)``."""
    return f"{signed_percent(interval.estimate)} ({points_between(interval.low, interval.high)})"


def signed_percent(fraction: float) -> str:
    """A relative change that has no interval: ``+3.1 %``."""
    return f"{_plus(fraction)} %"


def signed_points(fraction: float) -> str:
    """A difference of two metrics, in points: ``−0.4``, ``+1.2``."""
    return _plus(fraction)


def _plus(fraction: float) -> str:
    """Hundredths with their sign; nothing has none."""
    middle = fixed(100 * fraction, 1)
    return middle if middle.startswith(MINUS) or not middle.strip("0.,") else f"+{middle}"


def arrow(interval: Interval) -> str:
    """``▲`` or ``▼`` before a change whose whole interval lies above or below nothing, else nothing."""
    return "▲ " if interval.low > 0 else "▼ " if interval.high < 0 else ""


def milliseconds(value: float) -> str:
    """Milliseconds without the unit: ``18.4``, ``208``, ``0.412``."""
    return significant(value)


def mebibytes(value: float) -> str:
    """Resident memory: ``41.2 MiB``."""
    return f"{significant(value)} MiB"


def file_size(count: int) -> str:
    """Bytes on disk in decimal units, as file managers and app stores show them: ``11.9 MB``."""
    return _scaled(count, (" B", " kB", " MB", " GB"))


def quantity(count: int) -> str:
    """Parameters or multiply-accumulates: ``38.2 M``, ``2.76 G``."""
    return _scaled(count, ("", " k", " M", " G", " T"))


def _scaled(count: int, units: tuple[str, ...]) -> str:
    value, unit = float(count), 0
    # 999.5 would be written 1,000: that is 1.00 of the next unit
    while abs(value) >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{significant(value) if unit else count}{units[unit]}"


def times(ratio: float) -> str:
    """A factor: ``11.3×``."""
    return f"{significant(ratio)}×"


def speed_up(ratio: Interval) -> str:
    """Reference's P50 over the artifact's, with its interval, from the inverse ratio: ``11.3× (10.9 to 11.8)``."""
    if min(ratio.low, ratio.estimate, ratio.high) <= 0:
        return "n/a"
    return f"{times(1 / ratio.estimate)} ({significant(1 / ratio.high)} to {significant(1 / ratio.low)})"


def duration(seconds: float) -> str:
    """Elapsed time: ``0.4 s``, ``42 s``, ``3 min 20 s``, ``1 h 05 min``."""
    if seconds < 9.95:
        return f"{fixed(seconds, 1)} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
