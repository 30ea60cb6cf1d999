"""The rule of each metric: a figure, the baseline's figure and the limit -> a finding.

| metric | regressed | improved | else |
| --- | --- | --- | --- |
| latency, in pairs with the baseline's file | the interval of the change of P50 or of P90 is above +limit | the interval of P50 is below −limit | ok if the interval of P50 is at or below +limit, else inconclusive |
| latency, by the reference | the interval of the change of the ratio is above +limit | the interval is below −limit | ok if the interval is at or below +limit, else inconclusive |
| memory | model memory is above +limit, and by more than the floor | below −limit, and by more than the floor | ok |
| size | bytes or deflated bytes are above +limit | the larger change of both is below −limit | ok |
| accuracy, against the reference | the drop is not acceptable by the guard's rule | – | the baseline decides |
| accuracy, against the baseline | the interval of the drop is above the limit | the interval of the drop is below −limit | ok if the drop is at or below the limit, else inconclusive |
"""  # noqa: E501

from dataclasses import dataclass
from math import ceil, inf, isfinite

from pocketbert.bench.machine.neighbours import explains
from pocketbert.bench.records.results import NoBaseline, Outcome, Paired, Size
from pocketbert.bench.stats.intervals import Interval, quantile, relative_change
from pocketbert.compress.base.errors import percent
from pocketbert.compress.tasks.paired import Drop

MEMORY_FLOOR_MIB = 1.0
"""Run-to-run variation of allocators, however small the model memory is."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one rule with its figures.

    `note` says what was found, or why nothing was; `figure` shows a measured value without a counterpart (`why`).
    `profile_only`: missing because this machine cannot run the profile. `change` is relative (0.05 is 5 % more), for
    accuracy a difference (negative is worse); of a figure without interval, its three numbers are equal.
    """

    outcome: Outcome
    note: str
    baseline: float | None = None
    measured: float | None = None
    interval: Interval | None = None
    figure: str = ""
    why: NoBaseline | None = None
    profile_only: bool = False
    change: Interval | None = None


def of_numbers(found: Finding) -> Finding:
    """Return the finding; `missing` if one of its figures is NaN or infinite, because nothing compares with them."""
    ends = [end for each in (found.interval, found.change) if each for end in each.model_dump().values()]
    if all(isfinite(value) for value in (found.baseline, found.measured, *ends) if value is not None):
        return found
    return Finding("missing", f"a figure is not a finite number: {found.note}")


def compare_paired(paired: Paired) -> Finding:
    """Return the outcome of the pairs of an artifact and its predecessor."""
    now = Interval(**{name: 1 + value for name, value in paired.change.model_dump().items()})
    notes = [_slower(paired.change, paired.limit)]
    if paired.p90_alone:
        notes = [f"P90 {_slower(paired.change_p90, paired.limit)}", f"P50 {_slower(paired.change)}"]
    if paired.baseline_ms and paired.candidate_ms:
        was_ms = quantile(paired.baseline_ms, 0.5)
        notes.append(f"P50 {was_ms:.3g} → {was_ms * now.estimate:.3g} ms")
    notes.append(paired.note or f"{len(paired.logs)} pairs")
    decisive = paired.change_p90 if paired.p90_alone else paired.change
    return Finding(paired.outcome, ", ".join(notes), 1.0, now.estimate, now, change=decisive)


def compare_latency(now: Interval, was: Interval, limit: float, neighbours: float) -> Finding:
    """Compare two ratios to the reference; milliseconds do not count.

    Args:
        neighbours: share of the cores that other processes used meanwhile. A change that they can explain is neither
            `regressed` nor `improved`.
    """
    change = relative_change(now, was)
    outcome: Outcome = "inconclusive"
    excuse = explains(neighbours)
    if change.low > limit + excuse:
        outcome = "regressed"
    elif change.high < -limit - excuse:
        outcome = "improved"
    elif change.high <= limit:
        outcome = "ok"
    note = f"{_slower(change, limit)}, {was.estimate:.4f} → {now.estimate:.4f} × reference"
    if excuse > limit:
        note += f", other processes used {percent(neighbours, 0)} of the cores"
    if outcome == "inconclusive" and limit < (half := change.high - change.estimate) < inf:
        note += f", the noise of this run allows limits of +{ceil(100 * half)} % or more"
    return Finding(outcome, note, was.estimate, now.estimate, now, change=change)


def compare_memory(now: float, was: float, limit: float) -> Finding:
    """Compare model memory, MiB."""
    margin = max(limit * was, MEMORY_FLOOR_MIB)
    allowed = f"{100 * limit:+.3g} %" if margin == limit * was else f"{margin:+.3g} MiB"
    note = f"{now:.1f} MiB, baseline {was:.1f} MiB ({now - was:+.1f} MiB, {_percent(now, was)}, limit {allowed})"
    return Finding(_beyond(now, was, margin), note, was, now, change=_exact(now, was))


def compare_size(now: Size, was: Size, limit: float) -> Finding:
    """Compare bytes on disk or deflated bytes, whichever grew more."""
    pairs = [(now.bytes, was.bytes, "bytes"), (now.deflated_bytes, was.deflated_bytes, "bytes zipped")]
    new, old, unit = max(pairs, key=lambda pair: pair[0] / pair[1])
    note = f"{new:,} {unit}, baseline {old:,} ({_percent(new, old)}, limit {100 * limit:+.3g} %)"
    return Finding(_beyond(new, old, limit * old), note, old, new, change=_exact(new, old))


def compare_accuracy(drop: Drop, limit: float) -> Outcome:
    """Compare the predictions with those of the baseline's artifact on the same rows.

    The guard has to decide on a point estimate, the gate does not: two builds that differ only by their seed flip many
    predictions of a small test split in both directions.
    """
    if drop.low > limit:
        return "regressed"
    if drop.high < -limit:
        return "improved"
    return "ok" if drop.estimate <= limit else "inconclusive"


def _beyond(now: float, was: float, margin: float) -> Outcome:
    if now > was + margin:
        return "regressed"
    return "improved" if now < was - margin else "ok"


def _exact(now: float, was: float) -> Interval | None:
    """Return a relative change that has no interval; None from nothing."""
    change = now / was - 1 if was else inf
    return Interval(estimate=change, low=change, high=change) if isfinite(change) else None


def _slower(change: Interval, limit: float | None = None) -> str:
    """Return ``20.0 % slower than the baseline (95 % CI +19.0 to +21.0 %, limit +5 %)``."""
    word = "slower" if change.estimate >= 0 else "faster"
    allowed = f", limit {100 * limit:+.3g} %" if limit is not None else ""
    interval = f"95 % CI {100 * change.low:+.1f} to {100 * change.high:+.1f} %"
    return f"{100 * abs(change.estimate):.1f} % {word} than the baseline ({interval}{allowed})"


def _percent(now: float, was: float) -> str:
    return f"{100 * (now / was - 1):+.1f} %" if was else "from 0"
