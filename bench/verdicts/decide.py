"""Decides: measurements + baseline + limits -> verdicts. Nothing is read, timed or written here.

This module chooses which measured figure is compared with which figure of the baseline; the rules compare them. A
figure that the baseline does not have is `no-baseline`, a figure that the run does not have is `missing`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pocketbert.bench.records.baseline import Baseline, Entry, Thresholds, reference_of
from pocketbert.bench.records.outcomes import unpack
from pocketbert.bench.records.results import (
    Failure,
    Machine,
    Measured,
    NoBaseline,
    Place,
    Results,
    Size,
    Verdict,
)
from pocketbert.bench.records.rows import of_other_texts, same_rows
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts import rules
from pocketbert.bench.verdicts.items import Item
from pocketbert.bench.verdicts.rules import Finding
from pocketbert.compress.tasks import Outcomes
from pocketbert.compress.tasks.paired import Drop

DropOf = Callable[[Outcomes, Outcomes], Drop]
"""The task's drop between the outcomes of two models, at the guard's confidence."""
_SIZE_ONLY = "the baseline has only the size"


def decide(
    items: Sequence[Item], results: Results, baseline: Baseline | None, drop_of: DropOf, strict: bool
) -> list[Verdict]:
    """Return one verdict per item. `strict` also fails inconclusive, no-baseline and missing profiles."""
    comparer = _Comparer(results, baseline, drop_of)
    return [comparer.verdict(item, strict) for item in items]


class _Comparer:
    def __init__(self, results: Results, baseline: Baseline | None, drop_of: DropOf) -> None:
        self._results = results
        self._known = baseline.artifacts if baseline else {}
        self._limits = baseline.thresholds if baseline else Thresholds()
        self._drop_of = drop_of
        self._shipped = {artifact.id: artifact for artifact in results.artifacts if artifact.role == "ship"}
        self._new = "the baseline does not have this artifact" if baseline else "there is no baseline yet"
        self._machine = _other_machine(results, baseline) if baseline else ""
        self._reference = _other_reference(results, baseline) if baseline else ""
        self._upgrades = _upgrades(results, baseline.machine.versions) if baseline else ""

    def verdict(self, item: Item, strict: bool) -> Verdict:
        found = rules.of_numbers(self._finding(item))
        lacking = found.profile_only and not self._lost_latency(item.artifact)
        tolerated = found.outcome in ("inconclusive", "no-baseline") or lacking
        where = f" in {item.place}" if item.place else ""
        figure = f"{found.figure}; " if found.figure else ""
        return Verdict(
            metric=item.metric,
            artifact=item.artifact,
            profile=str(item.place) if item.place else None,
            outcome=found.outcome,
            gated=True,
            baseline=found.baseline,
            measured=found.measured,
            interval=found.interval,
            change=found.change,
            threshold=self._limits.of(item.metric, item.artifact),
            message=f"{item.metric} {found.outcome}: {item.artifact}{where}: {figure}{found.note}",
            note=found.note,
            why=found.why,
            fails=found.outcome not in ("ok", "improved") and (strict or not tolerated),
        )

    def _finding(self, item: Item) -> Finding:
        artifact, before = self._shipped.get(item.artifact), self._known.get(item.artifact)
        if artifact is None:
            return Finding("missing", "in the baseline, but not among the manifest's artifacts of role 'ship'")
        if artifact.not_run and item.metric != "size":
            was = f", the baseline's {before.runtime} did" if before else ""
            return Finding("missing", f"{artifact.runtime} does not run here{was}")
        if item.place:
            return self._latency(item.place, artifact, before)
        compare = {"memory": self._memory, "size": self._size, "accuracy": self._accuracy}[item.metric]
        return compare(artifact, before)

    def _latency(self, place: Place, artifact: Measured, before: Entry | None) -> Finding:
        """Compare with the baseline's own file if both were timed in pairs, else by the ratios to the reference."""
        entry = {entry.place: entry for entry in artifact.latency}.get(place)
        names = {place.profile, *(p.same_as for p in self._results.profiles if p.name == place.profile)}
        failed = [f for f in _failures(artifact, "latency") if f.profile in names and f.length in (None, place.length)]
        if failed or entry is None:
            return self._no_profile(place) or self._too_long(place, artifact) or _unmeasured(artifact, failed)
        if artifact.id in self._results.same_file:
            return Finding("ok", "identical to the baseline's file, with the same libraries")
        paired = {p.place: p for p in self._results.paired if p.artifact == artifact.id}.get(place)
        if paired:
            found = rules.compare_paired(paired)
            return replace(found, note=found.note + self._libraries_of_pairs())
        now, was = entry.ratio, before.latency.get(str(place)) if before else None
        other_texts = of_other_texts(place, before.accuracy if before else None, artifact.accuracy)
        if was is None or self._machine or self._reference or other_texts:
            reason = f"the baseline has no {place}" if before else self._new
            why: NoBaseline = "new"
            if was is not None:
                reason = self._machine or self._reference or "the baseline was timed on other test rows"
                why = "other-machine" if self._machine else "other-reference" if self._reference else "other-rows"
            figure = f"{now.estimate:.4f} × reference (95 % CI {now.low:.4f} to {now.high:.4f})"
            return Finding("no-baseline", reason, None, now.estimate, now, figure, why)
        found = rules.compare_latency(now, was, self._limits.of("latency", artifact.id), entry.neighbours)
        reason = self._results.unpaired.get(artifact.id, "the baseline's file was not run")
        return self._with_upgrades(replace(found, note=f"{found.note}, by the ratio to the reference because {reason}"))

    def _lost_latency(self, artifact: str) -> bool:
        """Return whether this run times profiles, but none of those that the baseline has for the artifact."""
        before = self._known[artifact].latency if artifact in self._known else {}
        timed = any(not profile.skipped for profile in self._results.profiles)
        return timed and all(self._no_profile(Place.parse(place)) for place in before)

    def _no_profile(self, place: Place) -> Finding | None:
        """Return why no artifact has a figure at this place, if the profile is the cause."""
        name, length = place
        profile = {p.name: p for p in self._results.profiles}.get(name)
        if profile is None:
            reason = f"profile {name} no longer exists"
        elif profile.skipped:
            reason = f"profile {name} {profile.skipped}"
        elif length not in profile.lengths:
            reason = f"profile {name} no longer has length {length}"
        else:
            return None
        return Finding("missing", reason, profile_only=True)

    def _too_long(self, place: Place, artifact: Measured) -> Finding | None:
        """Return which of the artifact and the reference has too few positions for requests of this length, if any."""
        for model in (artifact, self._results.artifact(self._results.reference)):
            if not place.fits(model.positions):
                return Finding(
                    "missing", f"{model.id} has {model.positions} positions, too few for {place.length} tokens"
                )
        return None

    def _memory(self, artifact: Measured, before: Entry | None) -> Finding:
        if artifact.memory is None:
            return _unmeasured(artifact, _failures(artifact, "memory"))
        now = artifact.memory.own_mib
        if before is not None and before.memory_own_mib is not None and not self._machine:
            return self._with_upgrades(
                rules.compare_memory(now, before.memory_own_mib, self._limits.of("memory", artifact.id))
            )
        return self._no_baseline(before, now, f"{now:.1f} MiB", self._machine)

    def _size(self, artifact: Measured, before: Entry | None) -> Finding:
        if (size := artifact.size) is None:
            return _unmeasured(artifact, _failures(artifact, "size"))
        if before is None:
            return self._no_baseline(None, size.bytes, f"{size.bytes:,} bytes")
        was = Size(bytes=before.bytes, deflated_bytes=before.deflated_bytes)
        if artifact.sha256 == before.sha256:  # another zlib deflates the same bytes to another size
            size = size.model_copy(update={"deflated_bytes": was.deflated_bytes})
        return rules.compare_size(size, was, self._limits.of("size", artifact.id))

    def _accuracy(self, artifact: Measured, before: Entry | None) -> Finding:
        """Compare with the reference by the guard's rule, then, row by row, with the baseline's predictions."""
        score = artifact.accuracy
        if score is None:
            return _unmeasured(artifact, _failures(artifact, "accuracy"))
        if score.drop is None:
            failed = "; ".join(
                failure.words for failure in _failures(self._results.artifact(self._results.reference), "accuracy")
            )
            return Finding(
                "missing", f"the reference {self._results.reference} has no score: {failed or 'not measured'}"
            )
        drop = Drop(score.drop.estimate, score.drop.low, score.drop.high, score.rows)
        was = before.accuracy if before else None
        figure = f"{score.metric} {100 * score.value:.2f} %" + (f", baseline {100 * was.value:.2f} %" if was else "")
        against = f"{self._change(drop, self._results.max_drop)} against the reference"
        found = Finding(
            "regressed", f"{figure}; {against}", was.value if was else None, score.value, score.drop, change=_gain(drop)
        )
        if not drop.acceptable(self._results.max_drop):
            return found
        found = replace(found, change=None)
        if was is None:
            return replace(self._no_baseline(before, score.value, found.note), interval=score.drop)
        if not same_rows(was, score):
            reason = "the baseline was scored on other test rows"
            return replace(found, outcome="no-baseline", note=reason, figure=found.note, why="other-rows")
        lost, limit = self._drop_of(unpack(was), unpack(score)), self._limits.of("accuracy", artifact.id)
        return replace(
            found,
            outcome=rules.compare_accuracy(lost, limit),
            interval=Interval(estimate=lost.estimate, low=lost.low, high=lost.high),
            change=_gain(lost),
            note=f"{figure}; {self._change(lost, limit)} against the baseline, {against}"
            + (f"; {self._machine}" if self._machine else ""),
        )

    def _no_baseline(self, before: Entry | None, measured: float, figure: str, machine: str = "") -> Finding:
        found = Finding("no-baseline", self._new, None, measured, figure=figure, why="new")
        if before is None:
            return found
        return replace(found, note=machine or _SIZE_ONLY, why="other-machine" if machine else "size-only")

    def _change(self, drop: Drop, limit: float) -> str:
        """Return the change in percentage points; negative is worse."""
        change, low, high = (f"{-100 * value + 0.0:+.2f}" for value in (drop.estimate, drop.high, drop.low))
        level = f"{100 * self._results.confidence:g} % CI"
        return f"{change} pp ({level} {low} to {high} pp, limit {-100 * limit:.1f} pp)"

    def _libraries_of_pairs(self) -> str:
        """Return which libraries ran a pair, where that is not plain."""
        if self._results.other_versions:
            return _upgrades(self._results, self._results.other_versions) or ", with the same libraries"
        if self._upgrades:
            return f"; both ran with today's libraries, not compared{self._upgrades} (use --gate-baseline-python)"
        return ""

    def _with_upgrades(self, found: Finding) -> Finding:
        return replace(found, note=found.note + self._upgrades)


def _gain(drop: Drop) -> Interval:
    """Return the change that a drop is; negative is worse."""
    return Interval(estimate=-drop.estimate + 0.0, low=-drop.high + 0.0, high=-drop.low + 0.0)


def _failures(artifact: Measured, metric: str) -> list[Failure]:
    return [failure for failure in artifact.failures if failure.metric == metric]


def _unmeasured(artifact: Measured, failed: list[Failure]) -> Finding:
    words = [failure.words for failure in failed] or map(str, artifact.failures)
    return Finding("missing", "; ".join(words) or "could not be measured")


def _other_machine(results: Results, baseline: Baseline) -> str:
    """Return how the baseline's machine differs; its times and memory are not comparable then."""
    there, here = baseline.machine, results.machine
    if there.fingerprint == here.fingerprint:
        return ""
    was, now = _identity(there), _identity(here)
    differs = [f"{name} {was[name]}, here {now[name]}" for name in was if was[name] != now[name]]
    return f"the baseline is from another machine ({'; '.join(differs) or there.fingerprint})"


def _identity(machine: Machine) -> dict[str, str]:
    """Return the parts of a fingerprint in words."""
    return {
        "processor": machine.cpu,
        "flags": " ".join(machine.flags),
        "cores": str(machine.cores),
        "hardware threads per shared core": str([len(group) for group in machine.smt_siblings]),
    }


def _other_reference(results: Results, baseline: Baseline) -> str:
    """Return how the reference model differs; ratios to it are not comparable then."""
    now, was = reference_of(results).model_dump(), baseline.reference.model_dump()
    if was["sha256"] is None:  # written before it was stored
        now["sha256"] = None
    differs = [f"{name} {was[name]}, here {now[name]}" for name in was if was[name] != now[name]]
    return f"the baseline has another reference model ({'; '.join(differs)})" if differs else ""


def _upgrades(results: Results, before: Mapping[str, str]) -> str:
    """Return the changed library versions: a change of a figure may be theirs."""
    changed = results.machine.changed_versions(before)
    return "".join(f", {name} {was or 'none'} -> {now or 'none'}" for name, (was, now) in changed.items())
