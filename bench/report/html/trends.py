"""The history of a recipe as changes against the first run with the current baseline, one line per file and figure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pocketbert.bench.records.baseline import Thresholds
from pocketbert.bench.records.history import Figures, Record
from pocketbert.bench.records.results import Metric, Results
from pocketbert.bench.report.format import numbers
from pocketbert.bench.verdicts.rules import MEMORY_FLOOR_MIB

SHOWN = 200
"""The number of runs that are shown, the latest; of several runs of a commit on one machine, only the last counts."""


class _Figure(NamedTuple):
    metric: Metric
    middle: float
    low: float
    high: float
    words: str


def trends(results: Results, records: Sequence[Record]) -> dict[str, Any]:
    """Return the runs, and file -> figure -> limit and points."""
    runs = list(_last_of_each(records))[-SHOWN:]
    names = dict.fromkeys(name for run in reversed(runs) for name in run.artifacts)
    lines = {name: dict(_lines(name, runs, results)) for name in names} if runs else {}
    return {
        "runs": [
            {
                "commit": (run.commit or "")[:7],
                "subject": run.subject,
                "created": run.created[:16].replace("T", " "),
                "updated": bool(run.baseline) and number > 0 and run.baseline != runs[number - 1].baseline,
            }
            for number, run in enumerate(runs)
        ],
        "files": {name: found for name, found in lines.items() if found},
    }


def _lines(name: str, runs: Sequence[Record], results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    figures = [_figures(run.artifacts[name]) if name in run.artifacts else {} for run in runs]
    for key in dict.fromkeys(key for each in figures for key in each):
        origins = _origins(key, figures, runs)
        if not all(origin.middle for origin in origins.values()):
            continue
        points: list[dict[str, Any]] = []
        last: int | None = None
        for number, run in enumerate(runs):
            if (found := figures[number].get(key)) is None:
                continue
            apart = last is not None and _compared(runs[last], found) != _compared(run, found)
            breaks = apart or (last is not None and last != number - 1)
            origin = origins[_compared(run, found)]
            points.append(_point(number, found, origin) | {"breaks": breaks})
            last = number
        pp = origin.metric == "accuracy"
        limit = _limit(results, name, origin.metric)
        if origin.metric == "memory":  # a change below the floor never fails
            limit = max(limit, MEMORY_FLOOR_MIB / origin.middle)
        yield key, {"unit": "pp" if pp else "%", "limit": -limit if pp else limit, "points": points}


def _origins(key: str, figures: Sequence[dict[str, _Figure]], runs: Sequence[Record]) -> dict[Any, _Figure]:
    """Return what the changes are relative to, for each machine and reference: the first run with the current baseline.

    A machine without such a run has its first run.
    """
    first: dict[Any, _Figure] = {}
    current: dict[Any, _Figure] = {}
    for run, each in zip(runs, figures, strict=True):
        if found := each.get(key):
            first.setdefault(_compared(run, found), found)
            if run.baseline == runs[-1].baseline:
                current.setdefault(_compared(run, found), found)
    return first | current


def _compared(run: Record, figure: _Figure) -> Any:
    """Return the machine and the reference, within which latency and memory compare; None for size and accuracy."""
    of_machine = figure.metric in ("latency", "memory")
    return (run.fingerprint, run.reference.model_dump_json()) if of_machine else None


def _point(number: int, found: _Figure, origin: _Figure) -> dict[str, Any]:
    if found.metric == "accuracy":
        change = [value - origin.middle for value in (found.middle, found.low, found.high)]
    else:
        change = [value / origin.middle - 1 for value in (found.middle, found.low, found.high)]
    return {"run": number, "value": change[0], "low": change[1], "high": change[2], "figure": found.words}


def _figures(f: Figures) -> dict[str, _Figure]:
    found = {
        f"latency {place}": _Figure(
            "latency", r.estimate, r.low, r.high, f"{numbers.times(r.estimate)} the teacher's P50"
        )
        for place, r in f.latency.items()
    }
    if f.own_mib is not None:
        found["model memory"] = _exact("memory", f.own_mib, numbers.mebibytes(f.own_mib))
    if f.bytes is not None:
        found["size on disk"] = _exact("size", f.bytes, numbers.file_size(f.bytes))
    if f.score is not None:
        found[f.metric or "score"] = _exact("accuracy", f.score, numbers.percent(f.score))
    return found


def _exact(metric: Metric, value: float, words: str) -> _Figure:
    return _Figure(metric, value, value, value, words)


def _limit(results: Results, artifact: str, metric: Metric) -> float:
    known = [v.threshold for v in results.verdicts if v.artifact == artifact and v.metric == metric]
    return known[0] if known else Thresholds().of(metric, artifact)


def _last_of_each(records: Sequence[Record]) -> Iterator[Record]:
    """Yield the runs; of consecutive runs of one commit, machine and baseline, only the last."""
    for (commit, *_), group in groupby(records, lambda run: (run.commit, run.fingerprint, run.baseline)):
        runs = list(group)
        yield from runs[-1:] if commit else runs
