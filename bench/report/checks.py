"""The checks of a run in the form that every page shows: baseline, now, change, limit; the failing ones come first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from pocketbert.bench.records.results import METRICS, Accuracy, Measured, Paired, Place, Results, Verdict
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.stats.intervals import Interval, quantile
from pocketbert.bench.verdicts.rules import MEMORY_FLOOR_MIB
from pocketbert.compress.tasks.paired import Drop

ICONS = {
    "regressed": "❌",
    "missing": "❌",
    "inconclusive": "⚠️",
    "no-baseline": "⚪",
    "not possible here": "⚪",
    "improved": "🟢",
    "ok": "✅",
}
"""Outcome -> sign, the worst first."""
_WORDS = {
    "regressed": "regressed",
    "missing": "missing",
    "inconclusive": "inconclusive",
    "no-baseline": "without a baseline",
    "not possible here": "not possible on this machine",
}
_ORDER = list(ICONS)
_TINY = 1e-6


@dataclass(frozen=True)
class Check:
    """A verdict with its figures as texts.

    `change` and `limit` have the sign of the tables: relative, and for accuracy a difference of which negative is
    worse. `copy` says why the verdict is no measurement of its own; empty if it is one.
    """

    verdict: Verdict
    name: str
    baseline: str
    now: str
    change: Interval | None
    limit: float
    copy: str

    @property
    def outcome(self) -> str:
        """The verdict's outcome; ``not possible here`` if this machine cannot run the profile, which fails nothing."""
        return "not possible here" if choose.impossible_here(self.verdict) else self.verdict.outcome

    @property
    def said(self) -> str:
        """The change with its interval and unit; empty without one."""
        if self.change is None:
            return ""
        return (numbers.pp_change if self.verdict.metric == "accuracy" else numbers.change)(self.change)

    @property
    def allowed(self) -> str:
        """The limit with its unit."""
        if self.verdict.metric == "memory" and self.limit > self.verdict.threshold:
            return f"+{MEMORY_FLOOR_MIB:g} MiB"
        number = f"{100 * abs(self.limit):.3g}"
        return f"{numbers.MINUS}{number} pp" if self.verdict.metric == "accuracy" else f"+{number} %"

    @property
    def limits(self) -> Interval | None:
        """The change as a multiple of the limit, positive where it is worse: beyond 1 it is not allowed."""
        if self.change is None:
            return None
        # A limit of 0 has no multiples: any change for the worse is far beyond it.
        scale = self.limit or (-_TINY if self.verdict.metric == "accuracy" else _TINY)
        ends = sorted((self.change.low / scale, self.change.high / scale))
        # Not checked: a multiple of a tiny limit may be infinite.
        return Interval.model_construct(estimate=self.change.estimate / scale, low=ends[0], high=ends[1])


def checks(results: Results) -> list[Check]:
    """Return every gated verdict as a check: the failing ones first, copies last, else artifact by artifact."""
    names = {artifact.id: number for number, artifact in enumerate(results.artifacts)}
    headline = choose.headline_artifact(results)
    pairs = {(p.artifact, str(p.place)): p for p in results.paired}
    known = {artifact.id: artifact for artifact in results.artifacts}
    found = [
        _check(v, results, pairs.get((v.artifact, v.profile or "")), known.get(v.artifact))
        for v in results.verdicts
        if v.gated
    ]

    def rank(check: Check) -> tuple[bool, int, bool, int, int]:
        v = check.verdict
        first = headline is None or v.artifact != headline.id
        number = names.get(v.artifact, len(names))
        return bool(check.copy), _ORDER.index(check.outcome), first, number, -METRICS.index(v.metric)

    return sorted(found, key=rank)


def counted(found: Sequence[Check]) -> str:
    """Return ``17 of 17 measured checks passed; 10 not repeated``; what did not pass is counted by outcome."""
    real = [check for check in found if not check.copy]
    outcomes = Counter(check.outcome for check in real)
    passed = outcomes["ok"] + outcomes["improved"]
    measured = passed + sum(outcomes[o] for o in ("regressed", "missing", "inconclusive"))
    parts = [f"{passed} of {measured} measured checks passed"] if measured else []
    if outcomes["improved"]:
        parts.append(f"{outcomes['improved']} of them improved")
    parts += [f"{outcomes[outcome]} {words}" for outcome, words in _WORDS.items() if outcomes[outcome]]
    skipped = len(found) - len(real)
    return ", ".join(parts) + (f"; {skipped} not repeated" if skipped else "")


def why_copies(found: Sequence[Check]) -> str:
    """Return the reasons why checks were not repeated, each with their number."""
    reasons = Counter(check.copy for check in found if check.copy)
    return "; ".join(f"{count} {reason}" for reason, count in reasons.items())


def _check(v: Verdict, results: Results, pair: Paired | None, artifact: Measured | None) -> Check:
    change, limit, name = _change(v, pair), v.threshold, ""
    baseline, now = (numbers.figure(v.metric, value) for value in (v.baseline, v.measured))
    if v.metric == "latency":
        place = _place(v)
        measure = "P90" if pair and pair.p90_alone else "P50"
        name = f"latency {measure}, {choose.in_words(place) if place else v.profile}"
        if pair and pair.baseline_ms and change:
            baseline, now = _milliseconds(pair, change)
        elif pair:  # of files from before pairs had times: the figures of a verdict are no multiples of the teacher's
            baseline = now = ""
    elif v.metric == "memory":
        name = "model memory"
        limit = max(limit, MEMORY_FLOOR_MIB / v.baseline) if v.baseline else limit
    elif v.metric == "size":
        zipped = artifact and artifact.size and v.measured == artifact.size.deflated_bytes != artifact.size.bytes
        name = "size, zipped" if zipped else "size on disk"
    else:
        name, limit = artifact.accuracy.metric if artifact and artifact.accuracy else v.metric, -limit
        if teacher := _worse_than_teacher(v, results, artifact):
            name, limit, baseline = f"{name} against the teacher", -results.max_drop, numbers.percent(teacher.value)
    return Check(v, name, baseline, now, change, limit, _copy(v, results))


def _milliseconds(pair: Paired, change: Interval) -> tuple[str, str]:
    """Return the baseline's time, and the new one that follows from the change: the columns cannot contradict."""
    ms = quantile(pair.baseline_ms, 0.9 if pair.p90_alone else 0.5)
    return f"{numbers.milliseconds(ms)} ms", f"{numbers.milliseconds(ms * (1 + change.estimate))} ms"


def _worse_than_teacher(v: Verdict, results: Results, artifact: Measured | None) -> Accuracy | None:
    """Return the teacher's score if the verdict is on the drop from it, else None."""
    teacher, score = choose.reference(results), artifact.accuracy if artifact else None
    if v.outcome != "regressed" or not teacher or not score or not score.drop or v.interval != score.drop:
        return None
    drop = Drop(score.drop.estimate, score.drop.low, score.drop.high, score.rows)
    # The drop from a baseline that predicts as the teacher does is the same one, with another limit.
    return None if drop.acceptable(results.max_drop) else teacher.accuracy


def _change(v: Verdict, pair: Paired | None) -> Interval | None:
    """Return the change of the verdict; of files from before verdicts had one, what other figures tell."""
    if v.change or v.outcome in ("no-baseline", "missing"):
        return v.change
    if pair:
        return pair.change_p90 if pair.p90_alone else pair.change
    if v.metric == "accuracy":
        return numbers.negated(v.interval) if v.interval else None
    if v.metric != "latency" and v.baseline and v.measured is not None:
        change = v.measured / v.baseline - 1
        return Interval(estimate=change, low=change, high=change) if isfinite(change) else None
    return None


def _place(v: Verdict) -> Place | None:
    try:
        return Place.parse(v.profile or "")
    except ValueError:  # written by hand
        return None


def _copy(v: Verdict, results: Results) -> str:
    """Return why a verdict is no measurement of its own; empty if it is one, or if it fails."""
    place = _place(v)
    if v.metric != "latency" or place is None or v.fails:
        return ""
    twin = next((p.same_as for p in results.profiles if p.name == place.profile and p.same_as), None)
    if twin:
        return f"in {place.profile}, which has the threads and cores of {twin} here"
    return f"of {v.artifact}, which is the baseline's own file" if v.artifact in results.same_file else ""
