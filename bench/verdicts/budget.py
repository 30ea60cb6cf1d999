"""``@pytest.mark.latency_budget(ratio=…, of=…, profile=…)`` or ``(p50_ms=…, profile=…)``: parsing and comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from pocketbert.bench.records.results import Latency, Measured, Place, Results
from pocketbert.bench.stats.intervals import Interval, median_over_sets, ratio_over_sets
from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.strict import Frozen


class Budget(Frozen):
    """The maximum P50 of an artifact: a multiple of another artifact's, or milliseconds (for a fixed machine).

    Without `of` the multiple is of the reference. Without a length, `profile` means its first length; without
    `profile`, the first measured profile counts.
    """

    model_config = ConfigDict(strict=True)

    ratio: float | None = Field(None, gt=0, description="a number above 0")
    of: str | None = Field(None, description="an artifact's id")
    p50_ms: float | None = Field(None, gt=0, description="milliseconds above 0")
    profile: str | None = Field(None, description="'mobile-1t' or 'mobile-1t/128'")


@dataclass(frozen=True)
class Checked:
    """The result of a budget: `inconclusive` if the interval contains it, `absent` if the profile cannot run here."""

    outcome: Literal["ok", "over", "inconclusive", "absent", "unmeasured"]
    message: str


def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Budget:
    """Return the budget of a marker.

    Raises:
        BadInput: the marker sets no limit, two limits, or a value of the wrong type.
    """
    if args:
        raise BadInput(f"latency_budget: {args[0]!r} has no name. Use ratio=0.5 or p50_ms=10.")
    try:
        budget = Budget(**kwargs)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        if key not in Budget.model_fields:
            raise BadInput(f"latency_budget: unknown key {key!r}{nearest(key, Budget.model_fields)}") from error
        expected = Budget.model_fields[key].description
        raise BadInput(f"latency_budget: {key}={kwargs[key]!r}; expected: {expected}") from error
    if budget.of is not None and budget.ratio is None:
        raise BadInput(
            'latency_budget: "of" needs "ratio" (a multiple of another artifact). '
            f'Use ratio=0.5, of="{budget.of}", or p50_ms={budget.p50_ms or 10:g} alone.'
        )
    if (budget.ratio is None) == (budget.p50_ms is None):
        raise BadInput("latency_budget: needs one limit. Use ratio=0.5 (of the reference's P50) or p50_ms=10.")
    return budget


def check(budget: Budget, artifact: Measured, results: Results) -> Checked:
    """Compare the interval of an artifact's P50 with its budget.

    Raises:
        BadInput: the profile or the artifact named `of` was not measured.
    """
    place = _place(budget, results)
    skipped = {p.name: p.skipped for p in results.profiles}[place.profile]
    if skipped:
        return Checked("absent", f"latency: {artifact.id} in {place}: profile {place.profile} {skipped}")
    entry = _entry(artifact, place)
    other = None
    if budget.of and budget.of != results.reference:
        other = _entry(_named(budget.of, results), place)
    if entry is None:
        return _unmeasured(artifact, place)
    if other is None and budget.of not in (None, results.reference):
        return _unmeasured(_named(str(budget.of), results), place)
    for each in (other, entry) if other else (entry,) if budget.p50_ms is not None else ():
        if each.sets < 2 or len(each.samples_ms) < each.sets or not all(each.samples_ms) or each.sets != entry.sets:
            return Checked("unmeasured", f"latency: {artifact.id} in {place}: too few times for an interval")
    found, limit, unit = _measured(budget, entry, other, results)
    outcome: Literal["ok", "over", "inconclusive"] = "inconclusive"
    if found.low > limit or not all(isfinite(end) for end in found.model_dump().values()):
        outcome = "over"
    elif found.high <= limit:
        outcome = "ok"
    words = {"ok": "within budget", "over": "over budget", "inconclusive": "inconclusive"}[outcome]
    interval = f"95 % CI {found.low:.4g} to {found.high:.4g}, budget {limit:g}"
    message = f"latency {words}: {artifact.id} in {place}: {found.estimate:.4g} {unit} ({interval})"
    return Checked(outcome, message)


def _unmeasured(artifact: Measured, place: Place) -> Checked:
    short = "" if place.fits(artifact.positions) else f"it has {artifact.positions} positions"
    words = "; ".join(map(str, artifact.failures)) or short or "not measured"
    return Checked("unmeasured", f"latency: {artifact.id} in {place}: {words}")


def _measured(budget: Budget, entry: Latency, other: Latency | None, results: Results) -> tuple[Interval, float, str]:
    """Return the figure with its interval, the limit, and the unit of both."""
    if budget.p50_ms is not None:
        return median_over_sets(np.array_split(entry.samples_ms, entry.sets)), budget.p50_ms, "ms"
    limit = budget.ratio or 0.0
    if other is None:
        return entry.ratio, limit, f"× {results.reference}"
    # Not the ratio of their ratios to the reference: its noise would count twice.
    ours, theirs = (np.array_split(each.samples_ms, each.sets) for each in (entry, other))
    return ratio_over_sets(ours, theirs), limit, f"× {budget.of}"


def _place(budget: Budget, results: Results) -> Place:
    known = {p.name: p.lengths for p in results.profiles}
    first = min(results.profiles, key=lambda profile: bool(profile.skipped), default=None)
    name, _, length = (budget.profile or (first.name if first else "")).partition("/")
    if not known.get(name):
        raise BadInput(f"latency_budget: profile {name!r} was not measured; measured: {', '.join(known) or 'none'}")
    if length and length not in known[name]:
        raise BadInput(f"latency_budget: profile {name!r} has no length {length!r}; lengths: {', '.join(known[name])}")
    return Place(name, length or known[name][0])


def _named(artifact: str, results: Results) -> Measured:
    known = {a.id: a for a in results.artifacts}
    if artifact not in known:
        raise BadInput(f"latency_budget: artifact {artifact!r} was not measured; measured: {', '.join(known)}")
    return known[artifact]


def _entry(artifact: Measured, place: Place) -> Latency | None:
    return next((entry for entry in artifact.latency if entry.place == place), None)
