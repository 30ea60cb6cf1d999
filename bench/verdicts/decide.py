"""Measurements + baseline + thresholds -> verdicts. Nothing is read, timed or written here.

Decides which measured figure is compared with which baseline figure; `pocketbert.bench.verdicts.rules` compares them.
What the baseline cannot say is
`no-baseline`; what it has and the run has not is `missing`, and so is what could not be measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pocketbert.bench.records.baseline import Baseline, Entry, Thresholds, yardstick
from pocketbert.bench.records.results import Machine, Results, Size, Verdict, Weighed, unpack
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.items import Item
from pocketbert.bench.verdicts.rules import Finding, judge_latency, judge_loss, judge_memory, judge_paired, judge_size
from pocketbert.compress.tasks import Outcomes
from pocketbert.compress.tasks.paired import Drop

DropOf = Callable[[Outcomes, Outcomes], Drop]
"""The task's drop between the outcomes of two models, at the guard's confidence."""
_SIZE_ALONE = "the baseline has nothing but its size"


def judge(
    items: Sequence[Item], results: Results, baseline: Baseline | None, drop_of: DropOf, strict: bool
) -> list[Verdict]:
    """One verdict per item. `strict` fails inconclusive, no-baseline and missing profiles as well."""
    court = _Court(results, baseline, drop_of)
    return [court.verdict(item, strict) for item in items]


class _Court:
    def __init__(self, results: Results, baseline: Baseline | None, drop_of: DropOf) -> None:
        self._results = results
        self._known = baseline.artifacts if baseline else {}
        self._limits = baseline.thresholds if baseline else Thresholds()
        self._drop_of = drop_of
        self._shipped = {artifact.id: artifact for artifact in results.artifacts if artifact.role == "ship"}
        self._silent = "the baseline does not have this artifact" if baseline else "there is no baseline yet"
        self._foreign = _foreign(results, baseline) if baseline else None
        self._moved = _moved(results, baseline) if baseline else None
        self._upgrades = _upgrades(baseline.machine.versions, results) if baseline else ""

    def verdict(self, item: Item, strict: bool) -> Verdict:
        found = self._find(item)
        limit: float = getattr(self._limits, item.metric)
        tolerated = found.outcome in ("inconclusive", "no-baseline") or found.profile_only
        return Verdict(
            metric=item.metric,
            artifact=item.artifact,
            profile=item.place,
            outcome=found.outcome,
            gated=True,
            baseline=found.baseline,
            measured=found.measured,
            interval=found.interval,
            threshold=limit,
            message=_message(item, found, limit),
            note=found.note,
            fails=found.outcome not in ("ok", "improved") and (strict or not tolerated),
        )

    def _find(self, item: Item) -> Finding:
        weighed, before = self._shipped.get(item.artifact), self._known.get(item.artifact)
        if weighed is None:
            return Finding("missing", "in the baseline, but the manifest ships it no more")
        if weighed.not_run and item.metric != "size":
            was = f", the baseline's {before.runtime} did" if before else ""
            return Finding("missing", f"{weighed.runtime} does not run here{was}")
        if item.metric == "latency":
            return self._latency(item.place or "", weighed, before)
        if item.metric == "memory":
            return self._memory(weighed, before)
        if item.metric == "size":
            return self._size(weighed, before)
        return self._accuracy(weighed, before)

    def _latency(self, place: str, weighed: Weighed, before: Entry | None) -> Finding:
        """Beside the baseline's own file where that can be had; else by the ratio to the reference, then and now."""
        entry = {f"{entry.profile}/{entry.length}": entry for entry in weighed.latency}.get(place)
        failed = [words for where in self._places(place) for words in _failures(weighed, f"latency {where}")]
        if failed or entry is None:
            return self._no_profile(place) or _unmeasured(weighed, failed)
        if weighed.id in self._results.same_file:
            return Finding("ok", "the baseline's very file, with the same libraries")
        paired = {p.place: p for p in self._results.paired if p.artifact == weighed.id}.get(place)
        if paired:
            found = judge_paired(paired)
            return replace(found, note=found.note + self._run_by())
        now, was = entry.ratio, before.latency.get(place) if before else None
        if was is None or self._foreign or self._moved:
            silent = f"the baseline has no {place}" if before else self._silent
            why = silent if was is None else self._foreign or self._moved or ""
            return Finding("no-baseline", why, measured=now.estimate, interval=now, unit="× reference")
        found = judge_latency(now, was, self._limits.latency, entry.neighbours)
        why = self._results.unpaired.get(weighed.id, "the baseline's file was not run beside it")
        return self._with_upgrades(replace(found, note=f"{found.note}, by the ratio to the reference, for {why}"))

    def _places(self, place: str) -> list[str]:
        """The place and its profile, and those of the profile it is measured under."""
        name, length = place.split("/")
        twins = [p.same_as for p in self._results.profiles if p.name == name and p.same_as]
        return [where for profile in (name, *twins) for where in (f"{profile}/{length}", profile)]

    def _no_profile(self, place: str) -> Finding | None:
        """Why nothing has a figure at this place, if that is the profile's doing."""
        name, length = place.split("/")
        profile = {p.name: p for p in self._results.profiles}.get(name)
        if profile is None:
            why = f"profile {name} is no longer there"
        elif profile.skipped:
            why = f"profile {name} {profile.skipped}"
        elif length not in profile.lengths:
            why = f"profile {name} no longer has length {length}"
        else:
            return None
        return Finding("missing", why, profile_only=True)

    def _memory(self, weighed: Weighed, before: Entry | None) -> Finding:
        if weighed.memory is None:
            return _unmeasured(weighed, _failures(weighed, "memory"))
        now = weighed.memory.own_mib
        if before is None or before.memory_own_mib is None or self._foreign:
            why = self._silent if before is None else self._foreign or _SIZE_ALONE
            return Finding("no-baseline", why, measured=now, unit="MiB of its own")
        return self._with_upgrades(judge_memory(now, before.memory_own_mib, self._limits.memory))

    def _size(self, weighed: Weighed, before: Entry | None) -> Finding:
        if weighed.size is None:
            return _unmeasured(weighed, _failures(weighed, "size"))
        if before is None:
            return Finding("no-baseline", self._silent, measured=weighed.size.bytes, unit="bytes")
        was = Size(bytes=before.bytes, deflated_bytes=before.deflated_bytes)
        return judge_size(weighed.size, was, self._limits.size)

    def _accuracy(self, weighed: Weighed, before: Entry | None) -> Finding:
        """Against the reference by the guard's rule; then, row by row, against what the baseline shipped."""
        score = weighed.accuracy
        if score is None or score.drop is None:
            return _unmeasured(weighed, _failures(weighed, "accuracy"))
        behind = Drop(score.drop.estimate, score.drop.low, score.drop.high, score.rows)
        note = f"drop against the reference {_points(behind)}, at most {100 * self._results.max_drop:.1f}"
        was = before.accuracy.value if before and before.accuracy else None
        found = Finding("regressed", note, was, score.value, score.drop, unit=score.metric)
        if not behind.acceptable(self._results.max_drop):
            return found
        if before is None or before.accuracy is None:
            why = self._silent if before is None else _SIZE_ALONE
            return replace(found, outcome="no-baseline", note=f"{why}; {note}")
        if before.accuracy.test_sha256 != score.test_sha256:
            return replace(found, outcome="no-baseline", note=f"the baseline was scored on other rows; {note}")
        lost = self._drop_of(unpack(before.accuracy), unpack(score))
        return replace(
            found,
            outcome=judge_loss(lost, self._limits.accuracy),
            interval=Interval(estimate=lost.estimate, low=lost.low, high=lost.high),
            note=f"drop against the baseline {_points(lost)}; {note}" + (f"; {self._foreign}" if self._foreign else ""),
        )

    def _run_by(self) -> str:
        """Which libraries a pair was run by, where that is not plain."""
        if self._results.other_versions:
            return _upgrades(self._results.other_versions, self._results) or ", with the same libraries"
        if self._upgrades:
            return f"; both by today's libraries, so not judged:{self._upgrades[1:]} (--gate-baseline-python would)"
        return ""

    def _with_upgrades(self, found: Finding) -> Finding:
        return replace(found, note=found.note + self._upgrades)


def _failures(weighed: Weighed, *whats: str) -> list[str]:
    return [failure for failure in weighed.failures if failure.startswith(tuple(f"{what}:" for what in whats))]


def _unmeasured(weighed: Weighed, words: list[str]) -> Finding:
    return Finding("missing", "; ".join(words or weighed.failures) or "could not be measured")


def _foreign(results: Results, baseline: Baseline) -> str | None:
    """That the baseline's machine is another one, whose times and memory say nothing about this one's."""
    there, here = baseline.machine, results.machine
    if there.fingerprint == here.fingerprint:
        return None
    was, now = _identity(there), _identity(here)
    differs = [f"{name} {was[name]}, here {now[name]}" for name in was if was[name] != now[name]]
    return f"the baseline is from another machine ({'; '.join(differs) or there.fingerprint})"


def _identity(machine: Machine) -> dict[str, str]:
    """What a fingerprint is made of, in words."""
    return {
        "processor": machine.cpu,
        "flags": " ".join(machine.flags),
        "cores": str(machine.cores),
        "cores that share one": str([len(group) for group in machine.smt_siblings]),
    }


def _moved(results: Results, baseline: Baseline) -> str | None:
    """That the reference is another model, so that ratios to it cannot be compared."""
    now, was = yardstick(results), baseline.reference
    if now == was or (was.sha256 is None and now.model_copy(update={"sha256": None}) == was):  # cut before it was kept
        return None
    return f"the reference is another model than the baseline's ({now}, was {was})"


def _upgrades(was: dict[str, str], results: Results) -> str:
    """Libraries that differ from the baseline's: a change may be theirs."""
    now = results.machine.versions
    changed = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    return "".join(f", {name} {was.get(name, 'none')} -> {now.get(name, 'none')}" for name in changed)


def _message(item: Item, found: Finding, limit: float) -> str:
    """One line: metric, artifact, profile, measured, interval, baseline, what was found, threshold."""
    words = [f"{item.metric} {found.outcome}: {item.artifact}"]
    if item.place:
        words.append(f"in {item.place}")
    if found.measured is not None:
        words.append(f"{_shown(found.measured)} {found.unit}")
        if found.interval and item.metric == "latency":
            words.append(f"[{found.interval.low:.4f}, {found.interval.high:.4f}]")
    if found.baseline is not None:
        words.append(f"against the baseline's {_shown(found.baseline)}")
    threshold = f"{100 * limit:.1f} points" if item.metric == "accuracy" else f"{100 * limit:+.3g}%"
    return f"{' '.join(words)}, {found.note}; threshold {threshold}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.4f}"


def _points(drop: Drop) -> str:
    return f"{100 * drop.estimate:+.2f} [{100 * drop.low:+.2f}, {100 * drop.high:+.2f}] points"
