"""The first lines: what the gate says, what the guard threw away, and what ships against the teacher."""

from collections import Counter
from pathlib import Path

from pocketbert.bench.records.results import Accuracy, Outcome, Results, Weighed
from pocketbert.bench.report.format.choose import absent, foreign, headline, latency, plain, reference, shipped, spoken
from pocketbert.bench.report.format.markdown import code, text
from pocketbert.bench.report.format.numbers import (
    file_size,
    milliseconds,
    percent,
    points,
    points_between,
    speed_up,
    times,
)
from pocketbert.compress.base.files import as_typed
from pocketbert.compress.manifest import Comparison, Step, Try

FAILING: tuple[Outcome, ...] = ("regressed", "missing")


def verdict_line(results: Results) -> str:
    """One line: whether the gate is red, and how many gated quantities came out how, the worst first."""
    if not any(a.size or a.accuracy or a.memory or a.latency for a in results.artifacts):
        return "**Gate: nothing was measured.**"
    if not any(v.gated for v in results.verdicts):
        return "**Gate: nothing was judged.**"
    gate = "Gate failed" if any(v.fails for v in results.verdicts) else "Gate"
    counts = Counter("absent" if absent(v) else v.outcome for v in results.verdicts if v.gated)
    if not any(counts[outcome] for outcome in (*FAILING, "inconclusive", "ok", "improved")):
        return f"**{gate}: nothing was judged, for lack of a baseline ({counts['no-baseline']} figures).**"
    order = [
        ("regressed", "regressed"),
        ("missing", "missing"),
        ("absent", "not possible on this machine"),
        ("inconclusive", "inconclusive"),
        ("ok", "ok"),
        ("improved", "improved"),
        ("no-baseline", "without a baseline"),
    ]
    parts = [f"{counts[outcome]} {words}" for outcome, words in order if counts[outcome]]
    if not any(counts[outcome] for outcome in FAILING):
        parts.append("nothing regressed")
    return f"**{gate}: {', '.join(parts)}.**"


def guard_lines(results: Results) -> list[str]:
    """A sentence for each rolled-back step, and one for all steps that the interval left unsettled."""
    rolled_back = [_rolled_back(step, results) for step in results.steps if step.decision == "rolled-back"]
    rolled_back += [_weakened(step, results) for step in results.steps if step.decision == "accepted" and step.tries]
    accepted = [s for s in results.steps if s.unsettled and s.decision == "accepted" and s.comparison]
    if not accepted:
        return rolled_back
    steps: dict[str, list[str]] = {}  # by their drop: what does not change the model repeats it
    for s in accepted:
        if c := s.comparison:
            drop = f"{points(c.drop)} points, {points_between(c.low, c.high)}{_settling(c, results)}"
            steps.setdefault(drop, []).append(plain(s, results.steps))
    drops = "; ".join(f"{', '.join(names)} ({drop})" for drop, names in steps.items())
    unsettled = (
        f"**Unsettled:** the interval of the drop holds the allowed {points(results.max_drop)}, "
        f"so the point estimate decided to accept: {drops}."
    )
    return [*rolled_back, unsettled]


def _settling(c: Comparison, results: Results) -> str:
    rows = c.as_drop().rows_to_settle(results.max_drop)
    return f"; about {rows:,} rows would settle it" if rows else ""


def foreign_line(results: Results, file: Path) -> str:
    """Which metrics were not judged, because the baseline is from another machine."""
    silent = [v.metric for v in results.verdicts if foreign(v)]
    if not silent:
        return ""
    names = " and ".join(dict.fromkeys(silent))
    return (
        f"**Not judged: {names}.** The baseline comes from another machine. To judge them here, make a baseline here: "
        f"{code(f'pocketbert baseline update {as_typed(file)}')}."
    )


def control_line(results: Results) -> str:
    """A warning when the teacher scores no higher than the linear control, else nothing."""
    control = results.linear_control
    if control is None or control.comparison.value > control.comparison.reference:
        return ""
    c = control.comparison
    return (
        f"**The teacher does not beat the linear model:** {text(c.metric)} {percent(c.value)} against "
        f"{percent(c.reference)}, gain {points(-c.drop)} points ({points_between(-c.high, -c.low)}); it needs more "
        "training before it is worth compressing."
    )


def headline_figures(results: Results) -> str:
    """What ships against the teacher: speed, size and metric, each with what it is made from."""
    ship, teacher = shipped(results), reference(results)
    if teacher is None:
        return "The teacher was not weighed, so there is nothing to compare with."
    if ship is None:
        return f"Nothing ships: only the teacher, {code(teacher.id)}, and its stages were weighed."
    claims, facts = [], []
    where = headline(results)
    fast, slow = latency(ship, where), latency(teacher, where)
    if fast and slow and where:
        word = "faster" if fast.ratio.estimate <= 1 else "slower"
        claims.append(f"{times(_above_one(1 / fast.ratio.estimate))} {word} at P50")
        facts.append(
            f"{text(spoken(*where))}: P50 {milliseconds(fast.p50_ms)} ms against {milliseconds(slow.p50_ms)} ms, "
            f"speed-up {speed_up(fast.ratio)}"
        )
    if ship.size and teacher.size and ship.size.bytes and teacher.size.bytes:
        factor = teacher.size.bytes / ship.size.bytes
        claims.append(f"{times(_above_one(factor))} {'smaller' if factor >= 1 else 'larger'}")
        facts.append(f"{file_size(ship.size.bytes)} on disk against {file_size(teacher.size.bytes)}")
    if ship.accuracy:
        claim, fact = _metric(ship.accuracy, teacher, results.max_drop)
        claims.append(claim)
        facts.append(fact)
    if not claims:
        return f"{code(ship.id)} ships; nothing of it could be compared with the teacher."
    return f"**{code(ship.id)} against the teacher: {', '.join(claims)}.** {'; '.join(facts)}."


def _rolled_back(step: Step, results: Results) -> str:
    # a note is a reason of its own: a file that does not compute what its source does, whatever it scores
    because = text("; ".join(step.notes))
    if not because and step.comparison:
        because = _because(step.comparison, results.max_drop)
    sentence = f"**{plain(step, results.steps)} was rolled back**"
    if because:
        sentence += f": {because}"
    if step.unsettled and not step.notes:
        sentence += " (inside the interval, so the point estimate decided)"
    return f"{sentence}; {_instead(step, results)}."


def _because(c: Comparison, allowed: float) -> str:
    return (
        f"{text(c.metric)} {percent(c.value)} against the teacher's {percent(c.reference)}, "
        f"drop {points(c.drop)} points ({points_between(c.low, c.high)}), allowed {points(allowed)}"
    )


def _weakened(step: Step, results: Results) -> str:
    """What was asked for, and what the guard let through."""
    wanted, taken = step.tries[0], next(one for one in reversed(step.tries) if one.accepted)
    if taken.float_layers:
        return _in_float(step, results, wanted, len(taken.float_layers))
    given_back = f" with layer {', '.join(map(str, taken.spare))} given back" if taken.spare else ""
    same = wanted.strength == taken.strength
    strengths = "" if same else f" from {wanted.strength:.3g} to {taken.strength:.3g}"
    return (
        f"**{plain(step, results.steps)} was weakened{strengths}{given_back}**: at first the drop was "
        f"{points(wanted.comparison.drop)} points, allowed {points(results.max_drop)}."
    )


def _in_float(step: Step, results: Results, wanted: Try, count: int) -> str:
    """How many layers of an INT8 file had to stay in float, and why; which ones is in the guard's notes."""
    because = f"the drop was {points(wanted.comparison.drop)} points, allowed {points(results.max_drop)}"
    layers = "1 layer" if count == 1 else f"{count} layers"
    return (
        f"**{plain(step, results.steps)} keeps {layers} in float**: with all in INT8 {text(wanted.failed or because)}."
    )


def _instead(step: Step, results: Results) -> str:
    """What goes on in place of a rolled-back step."""
    sources = {a.made_from for a in results.artifacts if a.role == "ship"}
    if not sources:
        return "nothing ships"
    if step.kind == "artifact":
        return "it does not ship"
    before = results.steps[: results.steps.index(step)]
    last = next((s for s in reversed(before) if s.decision != "rolled-back"), None)
    if last is None:
        return "the build went on without it"
    model = "the teacher's own model" if last.decision == "reference" else f"the model of {plain(last, results.steps)}"
    return f"{model} ships" if last.name in sources else f"the build went on from {model}"


def _metric(score: Accuracy, teacher: Weighed, allowed: float) -> tuple[str, str]:
    """The claim about the metric, and the figures behind it."""
    name = text(score.metric)
    if score.drop is None:
        return f"{name} {percent(score.value)}", f"{score.rows:,} test rows"
    drop = score.drop
    lost = points(abs(drop.estimate))
    claim = f"{name} {lost} points {'lower' if drop.estimate > 0 else 'higher'}"
    if lost == points(0):
        claim = f"the same {name}"
    against = f" against {percent(teacher.accuracy.value)}" if teacher.accuracy else ""
    fact = (
        f"{name} {percent(score.value)}{against} on {score.rows:,} test rows, "
        f"drop {points(drop.estimate)} points ({points_between(drop.low, drop.high)}), allowed {points(allowed)}"
    )
    return claim, fact


def _above_one(factor: float) -> float:
    return max(factor, 1 / factor)
