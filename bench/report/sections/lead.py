"""The first lines: the gate's result, the guard's corrections, and the exported model compared with the teacher."""

from collections import Counter
from pathlib import Path

from pocketbert.bench.records.results import Accuracy, Measured, Outcome, Results
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.report.format.markdown import code, text
from pocketbert.compress.base.files import as_typed
from pocketbert.compress.manifest import Comparison, Step

FAILING: tuple[Outcome, ...] = ("regressed", "missing")
_OUTCOMES = {
    "regressed": "regressed",
    "missing": "missing",
    "impossible": "not possible on this machine",
    "inconclusive": "inconclusive",
    "ok": "ok",
    "improved": "improved",
    "no-baseline": "without a baseline",
}
"""Outcome -> words, the worst first."""


def verdict_line(results: Results) -> str:
    """Return one line: whether the gate failed, and the number of gated verdicts by outcome, the worst first."""
    if not any(a.size or a.accuracy or a.memory or a.latency for a in results.artifacts):
        return "**Gate: nothing was measured.**"
    if not any(v.gated for v in results.verdicts):
        return "**Gate: nothing was judged.**"
    gate = "Gate failed" if any(v.fails for v in results.verdicts) else "Gate"
    counts = Counter("impossible" if choose.impossible_here(v) else v.outcome for v in results.verdicts if v.gated)
    if not any(counts[outcome] for outcome in (*FAILING, "inconclusive", "ok", "improved")):
        return f"**{gate}: nothing was judged, for lack of a baseline ({counts['no-baseline']} figures).**"
    parts = [f"{counts[outcome]} {words}" for outcome, words in _OUTCOMES.items() if counts[outcome]]
    if not any(counts[outcome] for outcome in FAILING):
        parts.append("nothing regressed")
    return f"**{gate}: {', '.join(parts)}.**"


def guard_lines(results: Results) -> list[str]:
    """Return a sentence for each rolled-back or weakened step, and one for all inconclusive but accepted steps."""
    steps = results.steps
    lines = [_rolled_back(step, results) for step in steps if step.decision == "rolled-back"]
    weakened = [step for step in steps if step.decision == "accepted" and any(one.accepted for one in step.tries)]
    lines += [_weakened(step, results) for step in weakened]
    groups: dict[str, list[str]] = {}  # by drop: a step that does not change the model repeats its drop
    for step in steps:
        c = step.comparison
        if step.unsettled and step.decision == "accepted" and c:
            drop = f"{numbers.points(c.drop)} points, {numbers.points_between(c.low, c.high)}"
            if rows := c.as_drop().rows_to_decide(results.max_drop):
                drop += f"; about {rows:,} rows would settle it"
            groups.setdefault(drop, []).append(choose.step_name(step, steps))
    if groups:
        drops = "; ".join(f"{', '.join(names)} ({drop})" for drop, names in groups.items())
        lines.append(
            f"**Unsettled:** the interval of the drop holds the allowed {numbers.points(results.max_drop)}, "
            f"so the point estimate decided to accept: {drops}."
        )
    return lines


def other_machine_line(results: Results, file: Path) -> str:
    """Return the metrics that were not compared because the baseline is from another machine, else nothing."""
    silent = [v.metric for v in results.verdicts if v.why == "other-machine"]
    if not silent:
        return ""
    return (
        f"**Not judged: {' and '.join(dict.fromkeys(silent))}.** The baseline comes from another machine. To judge "
        f"them here, make a baseline here: {code(f'pocketbert baseline update {as_typed(file)}')}."
    )


def control_line(results: Results) -> str:
    """Return a warning if the teacher scores no higher than the linear baseline, else nothing."""
    control = results.linear_control
    if control is None or control.comparison.value > control.comparison.reference:
        return ""
    c = control.comparison
    gain = numbers.points_with_interval(numbers.negated(c.as_drop()), " points")
    return (
        f"**The teacher does not beat the linear model:** {text(c.metric)} {numbers.percent(c.value)} against "
        f"{numbers.percent(c.reference)}, gain {gain}; it needs more training before it is worth compressing."
    )


def headline_figures(results: Results) -> str:
    """Compare the exported model with the teacher: claims on speed, size and metric, then the figures behind them."""
    ship, teacher = choose.headline_artifact(results), choose.reference(results)
    if teacher is None:
        return "The teacher was not weighed, so there is nothing to compare with."
    if ship is None:
        return f"Nothing ships: only the teacher, {code(teacher.id)}, and its stages were weighed."
    claims, facts = [], []
    place = choose.headline_place(results)
    fast, slow = choose.timing(ship, place), choose.timing(teacher, place)
    if fast and slow and place:
        claims.append(f"{_factor(1 / fast.ratio.estimate, 'faster', 'slower')} at P50")
        facts.append(
            f"{text(choose.in_words(place))}: P50 {numbers.milliseconds(fast.p50_ms)} ms against "
            f"{numbers.milliseconds(slow.p50_ms)} ms, speed-up {numbers.speed_up(fast.ratio)}"
        )
    if ship.size and teacher.size and ship.size.bytes and teacher.size.bytes:
        claims.append(_factor(teacher.size.bytes / ship.size.bytes, "smaller", "larger"))
        facts.append(f"{numbers.file_size(ship.size.bytes)} on disk against {numbers.file_size(teacher.size.bytes)}")
    if ship.accuracy:
        claim, fact = _metric(ship.accuracy, teacher, results.max_drop)
        claims.append(claim)
        facts.append(fact)
    if not claims:
        return f"{code(ship.id)} ships; nothing of it could be compared with the teacher."
    return f"**{code(ship.id)} against the teacher: {', '.join(claims)}.** {'; '.join(facts)}."


def _rolled_back(step: Step, results: Results) -> str:
    # notes are a reason independent of the metric: the file's predictions differ from those of its source
    reason = text("; ".join(step.notes))
    if not reason and step.comparison:
        reason = _too_much(step.comparison, results.max_drop)
    sentence = f"**{choose.step_name(step, results.steps)} was rolled back**"
    if reason:
        sentence += f": {reason}"
    if step.unsettled and not step.notes:
        sentence += " (inside the interval, so the point estimate decided)"
    return f"{sentence}; {_replacement(step, results)}."


def _too_much(c: Comparison, allowed: float) -> str:
    return (
        f"{text(c.metric)} {numbers.percent(c.value)} against the teacher's {numbers.percent(c.reference)}, "
        f"drop {numbers.points_with_interval(c.as_drop(), ' points')}, allowed {numbers.points(allowed)}"
    )


def _weakened(step: Step, results: Results) -> str:
    """Compare the recipe's strength with the accepted one; of a file, count the layers that keep a higher precision."""
    wanted, taken = step.tries[0], next(one for one in reversed(step.tries) if one.accepted)
    name = f"**{choose.step_name(step, results.steps)}"
    drop = "some answers were not finite"
    if c := wanted.comparison:
        drop = f"the drop was {numbers.points(c.drop)} points, allowed {numbers.points(results.max_drop)}"
    if taken.kept:
        precision = str(step.parameters.get("precision", "one precision")).upper()
        because = f"with all in {text(precision)} {text(wanted.failed or drop)}"
        return f"{name} keeps layers in a higher precision ({taken.kept})**: {because}."
    before, now = wanted.strength, taken.strength
    strengths = "" if before is None or now is None or before == now else f" from {before:.3g} to {now:.3g}"
    restored = f" with layer {', '.join(map(str, taken.spare))} given back" if taken.spare else ""
    return f"{name} was weakened{strengths}{restored}**: at first {drop}."


def _replacement(step: Step, results: Results) -> str:
    """Name the model that is used in place of a rolled-back step."""
    sources = {a.made_from for a in results.artifacts if a.role == "ship"}
    if not sources:
        return "nothing ships"
    if step.kind == "artifact":
        return "it does not ship"
    before = results.steps[: results.steps.index(step)]
    last = next((s for s in reversed(before) if s.decision != "rolled-back"), None)
    if last is None:
        return "the build went on without it"
    reference = last.decision == "reference"
    model = "the teacher's own model" if reference else f"the model of {choose.step_name(last, results.steps)}"
    return f"{model} ships" if last.name in sources else f"the build went on from {model}"


def _metric(score: Accuracy, teacher: Measured, allowed: float) -> tuple[str, str]:
    """Return the claim about the metric, and the figures behind it."""
    name = text(score.metric)
    if score.drop is None:
        return f"{name} {numbers.percent(score.value)}", f"{score.rows:,} test rows"
    lost = numbers.points(abs(score.drop.estimate))
    claim = f"{name} {lost} points {'lower' if score.drop.estimate > 0 else 'higher'}"
    if lost == numbers.points(0):
        claim = f"the same {name}"
    against = f" against {numbers.percent(teacher.accuracy.value)}" if teacher.accuracy else ""
    fact = (
        f"{name} {numbers.percent(score.value)}{against} on {score.rows:,} test rows, "
        f"drop {numbers.points_with_interval(score.drop, ' points')}, allowed {numbers.points(allowed)}"
    )
    return claim, fact


def _factor(factor: float, better: str, worse: str) -> str:
    return f"{numbers.times(max(factor, 1 / factor))} {better if factor >= 1 else worse}"
