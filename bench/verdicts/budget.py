"""``@pytest.mark.latency_budget(ratio=…, of=…, profile=…)`` or ``(p50_ms=…, profile=…)``, judged by its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pocketbert.bench.measuring.metrics.latency import SETS
from pocketbert.bench.records.results import Latency, Results, Weighed
from pocketbert.bench.stats.intervals import Interval, median_over_sets, relative_change
from pocketbert.compress.base.errors import BadInput

_LEGAL = "ratio=0.2 or p50_ms=10.0, with of='ARTIFACT' (for a ratio), profile='mobile-1t' or 'mobile-1t/128'"


@dataclass(frozen=True)
class Budget:
    """How slow an artifact may be: as a multiple of another one's P50 (`of`; the reference if None), or in ms.

    Milliseconds are for a machine that is always the same one. `profile` may name a length behind a slash; without it
    the first length of the profile counts, and without a profile the first one that was measured.
    """

    ratio: float | None = None
    of: str | None = None
    p50_ms: float | None = None
    profile: str | None = None


@dataclass(frozen=True)
class Judged:
    """`over` and `inconclusive`: the interval lies beyond the budget, or holds it; `absent`: no such profile here."""

    outcome: Literal["ok", "over", "inconclusive", "absent", "unmeasured"]
    message: str


def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Budget:
    """The budget that a marker sets.

    Raises:
        BadInput: it sets none, two, or says something else.
    """
    said = f"latency_budget({', '.join([*map(repr, args), *(f'{k}={v!r}' for k, v in kwargs.items())])})"
    numbers = [kwargs[name] for name in ("ratio", "p50_ms") if name in kwargs]
    fine = [isinstance(n, int | float) and not isinstance(n, bool) and n > 0 for n in numbers]
    names = [kwargs[name] for name in ("of", "profile") if name in kwargs]
    if (
        args
        or kwargs.keys() - Budget.__dataclass_fields__
        or fine != [True]
        or not all(isinstance(n, str) for n in names)
    ):
        raise BadInput(f"{said}; legal: {_LEGAL}")
    if "of" in kwargs and "p50_ms" in kwargs:
        raise BadInput(f"{said}: milliseconds are nobody's multiple; legal: {_LEGAL}")
    return Budget(**kwargs)


def judge(budget: Budget, artifact: Weighed, results: Results) -> Judged:
    """Hold an artifact's latency against its budget.

    Raises:
        BadInput: the profile or the artifact named `of` is not there.
    """
    profile, length = _place(budget, results)
    where = f"{profile}/{length}"
    skipped = {p.name: p.skipped for p in results.profiles}[profile]
    if skipped:
        return Judged("absent", f"latency: {artifact.id} in {where}: profile {profile} {skipped}")
    entry = _entry(artifact, profile, length)
    other = None
    if budget.of and budget.of != results.reference:
        other = _entry(_named(budget.of, results), profile, length)
    if entry is None or (other is None and budget.of not in (None, results.reference)):
        words = "; ".join(artifact.failures) or "not measured"
        return Judged("unmeasured", f"latency: {artifact.id} in {where}: {words}")
    found, limit, unit = _measured(budget, entry, other, results)
    outcome: Literal["ok", "over", "inconclusive"] = "inconclusive"
    if found.low > limit:
        outcome = "over"
    elif found.high <= limit:
        outcome = "ok"
    words = {"ok": "within budget", "over": "over budget", "inconclusive": "inconclusive"}[outcome]
    message = (
        f"latency {words}: {artifact.id} in {where} {found.estimate:.4g} {unit} [{found.low:.4g}, {found.high:.4g}]; "
        f"budget {limit:g} {unit}"
    )
    return Judged(outcome, message)


def _measured(budget: Budget, entry: Latency, other: Latency | None, results: Results) -> tuple[Interval, float, str]:
    """The figure with its interval, the limit, and the unit of both."""
    if budget.p50_ms is not None:
        return median_over_sets(np.array_split(entry.samples_ms, SETS)), budget.p50_ms, "ms"
    limit = budget.ratio or 0.0
    if other is None:
        return entry.ratio, limit, f"× {results.reference}"
    change = relative_change(entry.ratio, other.ratio)
    return Interval(**{end: 1 + value for end, value in change.model_dump().items()}), limit, f"× {budget.of}"


def _place(budget: Budget, results: Results) -> tuple[str, str]:
    known = {p.name: p for p in results.profiles}
    name, _, length = (budget.profile or next(iter(known), "")).partition("/")
    if name not in known:
        raise BadInput(f"profile {name!r} was not weighed; legal: {', '.join(known) or 'none was'}")
    if length and length not in known[name].lengths:
        raise BadInput(f"profile {name!r} has no length {length!r}; legal: {', '.join(known[name].lengths)}")
    return name, length or known[name].lengths[0]


def _named(artifact: str, results: Results) -> Weighed:
    known = {a.id: a for a in results.artifacts}
    if artifact not in known:
        raise BadInput(f"no artifact {artifact!r} was weighed; legal: {', '.join(known)}")
    return known[artifact]


def _entry(artifact: Weighed, profile: str, length: str) -> Latency | None:
    return next((m for m in artifact.latency if (m.profile, m.length) == (profile, length)), None)
