"""The rule of each metric: a figure, the baseline's figure and the threshold -> what was found.

| metric | regressed | improved | else |
| --- | --- | --- | --- |
| latency, beside the baseline's file | the interval of the change lies beyond +limit, that of P50 or of P90 | … beyond −limit | ok at or below +limit, else inconclusive |
| latency, by the reference | the same of the change of the ratio to it | the same | the same |
| memory | own share beyond +limit, and by more than the floor | beyond −limit, likewise | ok |
| size | bytes or deflated bytes beyond +limit | the larger of both below −limit | ok |
| accuracy, against the reference | the drop is not acceptable by the guard's rule | – | the baseline decides |
| accuracy, against the baseline | the interval of the drop lies beyond the limit | the interval of the gain lies beyond it | ok at or below the limit, else inconclusive |
"""  # noqa: E501

from dataclasses import dataclass

from pocketbert.bench.machine.neighbours import explains
from pocketbert.bench.records.results import P90_ALONE, Outcome, Paired, Size
from pocketbert.bench.stats.intervals import Interval, quantile, relative_change
from pocketbert.compress.tasks.paired import Drop

MEMORY_FLOOR_MIB = 1.0
"""What allocators do from run to run, however small an artifact's own share is."""


@dataclass(frozen=True)
class Finding:
    """What was found, before it is worded; `profile_only` says that a missing figure is the profile's doing."""

    outcome: Outcome
    note: str
    baseline: float | None = None
    measured: float | None = None
    interval: Interval | None = None
    unit: str = ""
    profile_only: bool = False


def judge_paired(paired: Paired) -> Finding:
    """An artifact beside its predecessor: the pairs have decided already, here it is put into words."""
    now = Interval(**{name: 1 + value for name, value in paired.change.model_dump().items()})
    ms = [f"{quantile(times, 0.5):.3g} ms" for times in (paired.candidate_ms, paired.baseline_ms) if times]
    note = f"P50 {' beside '.join(ms)}, " if ms else ""
    note += f"change {_signed(paired.change)} over {len(paired.logs)} pairs"
    if paired.note:
        note += f", {paired.note} {_signed(paired.change_p90)}" if paired.note == P90_ALONE else f", {paired.note}"
    return Finding(paired.outcome, note, 1.0, now.estimate, now, "× baseline")


def judge_latency(now: Interval, was: Interval, limit: float, neighbours: float) -> Finding:
    """The ratio to the reference now against the ratio to the reference then; milliseconds have no say.

    `neighbours` is the share of the cores that other processes took meanwhile: a change that this can explain is
    neither for the worse nor for the better.
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
    note = f"change {_signed(change)}"
    if excuse > limit:
        note += f", other processes took {neighbours:.0%} of the cores"
    return Finding(outcome, note, was.estimate, now.estimate, now, "× reference")


def judge_memory(now: float, was: float, limit: float) -> Finding:
    """An artifact's own share of its child's peak, MiB."""
    note = f"change {now - was:+.1f} MiB, {_percent(now, was)}"
    return Finding(_beyond(now, was, max(limit * was, MEMORY_FLOOR_MIB)), note, was, now, unit="MiB of its own")


def judge_size(now: Size, was: Size, limit: float) -> Finding:
    """Bytes on disk and deflated; the one that grew more is judged."""
    pairs = [
        (now.bytes, was.bytes, "bytes"),
        (now.deflated_bytes, was.deflated_bytes, "bytes deflated"),
    ]
    new, old, unit = max(pairs, key=lambda pair: pair[0] / pair[1])
    return Finding(_beyond(new, old, limit * old), f"change {_percent(new, old)}", old, new, unit=unit)


def judge_loss(lost: Drop, limit: float) -> Outcome:
    """What a candidate lost against the baseline's answers to the same rows.

    Unlike the guard, which has to decide, the gate need not accuse on a point estimate: two builds that differ by
    their seed flip many rows of a small test split in both directions.
    """
    if lost.low > limit:
        return "regressed"
    if lost.high < -limit:
        return "improved"
    return "ok" if lost.estimate <= limit else "inconclusive"


def _beyond(now: float, was: float, margin: float) -> Outcome:
    if now > was + margin:
        return "regressed"
    return "improved" if now < was - margin else "ok"


def _signed(change: Interval) -> str:
    return f"{change.estimate:+.1%} [{change.low:+.1%}, {change.high:+.1%}]"


def _percent(now: float, was: float) -> str:
    return f"{now / was - 1:+.1%}" if was else "from nothing"
