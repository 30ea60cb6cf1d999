"""Limits on the differences between two runs (``pocketbert compare --fail``)."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, get_args

from pocketbert.bench.records.results import Measured, Metric
from pocketbert.bench.report.differences import Difference, Differences
from pocketbert.bench.report.format.numbers import MINUS, signed_points
from pocketbert.bench.verdicts.rules import MEMORY_FLOOR_MIB
from pocketbert.compress.base.errors import BadInput, nearest

_METRICS = {metric: metric for metric in get_args(Metric)}
_LIMIT = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*(?P<unit>%|pp|)")


class Beyond(NamedTuple):
    """A figure of an exported file that is worse than its limit allows."""

    artifact: str
    what: str

    def __str__(self) -> str:
        return f"{self.artifact}: {self.what}"


def read_limits(given: Iterable[str]) -> dict[Metric, float]:
    """Read ``latency=3%``, ``accuracy=1pp``, ``size=0.01`` as metric -> fraction.

    Raises:
        BadInput: another metric, or no limit.
    """
    limits: dict[Metric, float] = {}
    for text in given:
        name, _, value = (part.strip() for part in text.partition("="))
        found = _LIMIT.fullmatch(value)
        if name not in _METRICS:
            raise BadInput(f"--fail {text}: unknown metric{nearest(name, _METRICS)}")
        if found is None:
            raise BadInput(f"--fail {text}: expected a limit, such as {name}=3%, {name}=0.03 or, for accuracy, 1pp")
        if not found["unit"] and float(value) >= 1:
            unit = "pp" if name == "accuracy" else "%"
            raise BadInput(f"--fail {text}: a limit without a unit is a fraction; did you mean {name}={value}{unit}?")
        limits[_METRICS[name]] = float(found["number"]) / (100 if found["unit"] else 1)
    return limits


def beyond(found: Differences, limits: Mapping[Metric, float]) -> list[Beyond]:
    """Return what is worse in the second run than the limits allow, of the exported files of the first run.

    A change with an interval is beyond its limit if the whole interval is. A file or a figure that the second run
    lacks, and a metric that cannot be compared in any file, are beyond every limit.
    """
    lost = [Beyond(a.id, "not in the second run") for a in found.only_before if a.role == "ship"] if limits else []
    shipped = {now.id for _, now in found.pairs if now.role == "ship"}
    skipped = {profile.name for profile in found.now.profiles if profile.skipped}
    for was, now in found.pairs:
        if now.id in shipped:
            lost += [
                Beyond(now.id, f"no {what} in the second run")
                for metric in limits
                for what in _lacking(was, now, metric, skipped)
            ]
    differences = [d for artifact, each in found.by_artifact.items() if artifact in shipped for d in each]
    for metric, limit in limits.items():
        ours = [d for d in differences if ("size" if d.quantity == "deflated" else d.quantity) == metric]
        if not any(d.change for d in ours):
            lost.append(Beyond(metric, "cannot be compared in any exported file of both runs"))
        lost += _worse(ours, limit, found.now.confidence)
    return lost


def _lacking(was: Measured, now: Measured, metric: Metric, skipped: Collection[str]) -> list[str]:
    """Return the figures of a metric that the first run alone has; this machine cannot run the `skipped` profiles."""
    if not getattr(was, metric) or getattr(now, metric):
        places = {entry.place for entry in now.latency}
        gone = [entry.place for entry in was.latency if entry.place not in places and entry.profile not in skipped]
        return [f"latency in {place}" for place in gone] if metric == "latency" else []
    return [metric]


def _worse(differences: Iterable[Difference], limit: float, confidence: float) -> Iterator[Beyond]:
    """Yield the differences beyond the limit.

    Args:
        confidence: of the interval of an accuracy; a latency's is 95 %.
    """
    for d in differences:
        if d.change is None or (d.quantity == "memory" and d.now - d.was <= MEMORY_FLOOR_MIB):
            continue
        accuracy = d.quantity == "accuracy"
        if (-d.change.high if accuracy else d.change.low) <= limit:
            continue
        name = "compressed size" if d.quantity == "deflated" else d.quantity
        where = f" in {d.place}" if d.place else ""
        unit, allowed = ("pp", f"{MINUS}{100 * limit:g}") if accuracy else ("%", f"+{100 * limit:g}")
        interval = ""
        if d.change.low < d.change.high:
            level = f"{100 * confidence if accuracy else 95:g} % CI"
            interval = f" ({level} {signed_points(d.change.low)} to {signed_points(d.change.high)})"
        said = f"{name}{where} {signed_points(d.change.estimate)} {unit}{interval}, limit {allowed} {unit}"
        yield Beyond(d.artifact, said)
