"""The first lines: the gate's result, the guard's corrections, and the exported model compared with the teacher."""

from collections.abc import Sequence
from pathlib import Path

from pocketbert.bench.records.results import Accuracy, Measured, Results
from pocketbert.bench.report.checks import Check, checks, counted
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.report.format.markdown import code, text
from pocketbert.compress.base.files import as_typed
from pocketbert.compress.manifest import Comparison, Step, lossless

_USUAL = 0.95


def verdict_line(results: Results, found: Sequence[Check] | None = None) -> str:
    """Return one line: whether the gate failed, and how many of its measured checks passed."""
    found = checks(results) if found is None else found
    if not any(a.size or a.accuracy or a.memory or a.latency for a in results.artifacts):
        return "**Gate: nothing was measured.**"
    if not found:
        return "**Gate: nothing was compared.**"
    if all(check.verdict.outcome == "no-baseline" for check in found):
        failed = " failed" if any(check.verdict.fails for check in found) else ""
        return f"**Gate{failed}: nothing was compared, for lack of a baseline ({len(found)} figures).**"
    return f"**Gate {'failed' if any(check.verdict.fails for check in found) else 'passed'}: {counted(found)}.**"


def warnings(results: Results, file: Path) -> list[str]:
    """Return what a reader has to know besides the figures: corrections of the guard, the teacher, the machine."""
    lines = [confidence_line(results), *guard_lines(results), control_line(results), other_machine_line(results, file)]
    return list(filter(None, lines))


def confidence_line(results: Results) -> str:
    """Return a sentence if the recipe asks for other intervals of accuracy than those of 95 % that headings name."""
    if results.confidence == _USUAL:
        return ""
    return f"Intervals of accuracy are {100 * results.confidence:g} % here (guard.confidence), whatever a heading says."


def guard_lines(results: Results) -> list[str]:
    """Return a sentence for each step that was rolled back or retried."""
    steps = results.steps
    lines = [_rolled_back(step, results) for step in steps if step.decision == "rolled-back"]
    retried = [step for step in steps if step.decision == "accepted" and any(one.accepted for one in step.tries)]
    return lines + [_retried(step, results) for step in retried]


def inconclusive_line(results: Results) -> str:
    """Return one sentence for all steps that were accepted although the interval contains the limit, if any.

    A file that only stores its source's weights in another format is not listed: its change is the source's.
    """
    groups: dict[str, list[str]] = {}  # by change: a step that does not change the model repeats it
    for step in results.steps:
        c = step.comparison
        if step.unsettled and step.decision == "accepted" and c and not lossless(step, results.steps):
            change = numbers.pp_change(numbers.negated(c.as_drop()))
            if rows := c.as_drop().rows_to_decide(results.max_drop):
                change += f"; about {rows:,} examples would decide"
            groups.setdefault(change, []).append(choose.step_name(step, results.steps))
    if not groups:
        return ""
    changes = "; ".join(f"{', '.join(names)} {change}" for change, names in groups.items())
    return (
        f"**Accepted, but not certain:** the interval of the change contains the limit of "
        f"{numbers.pp(-results.max_drop)}: {changes}."
    )


def other_machine_line(results: Results, file: Path) -> str:
    """Return the metrics that were not compared because the baseline is from another machine, else nothing."""
    silent = [v.metric for v in results.verdicts if v.why == "other-machine"]
    if not silent:
        return ""
    return (
        f"**Not compared: {' and '.join(dict.fromkeys(silent))}.** The baseline comes from another machine. To compare "
        f"them here, make a baseline here: {code(f'pocketbert baseline update {as_typed(file)}')}."
    )


def control_line(results: Results) -> str:
    """Return a warning if the teacher scores no higher than the linear baseline, else nothing."""
    control = results.linear_control
    if control is None or control.comparison.value > control.comparison.reference:
        return ""
    c = control.comparison
    change = numbers.pp_change(numbers.negated(c.as_drop()))
    return (
        f"**The teacher does not beat the linear model:** {text(c.metric)} {numbers.percent(c.value)} against "
        f"{numbers.percent(c.reference)}, {change}; it needs more training before it is worth compressing."
    )


def claims(results: Results) -> tuple[list[str], str]:
    """Return how the fastest exported model compares with the teacher, in words, and its id."""
    ship, teacher = choose.headline_artifact(results), choose.reference(results)
    if ship is None or teacher is None:
        return [], ""
    found, place = [], choose.headline_place(results)
    if (fast := choose.timing(ship, place)) and choose.timing(teacher, place):
        found.append(_factor(1 / fast.ratio.estimate, "faster", "slower"))
    if ship.size and teacher.size:
        found.append(_factor(teacher.size.bytes / ship.size.bytes, "smaller", "larger"))
    if ship.accuracy and ship.accuracy.drop:
        found.append(f"{numbers.pp(-ship.accuracy.drop.estimate)} {text(ship.accuracy.metric)}")
    return found, ship.id


def headline_figures(results: Results) -> str:
    """Compare the exported model with the teacher: claims on speed, size and metric, then the figures behind them."""
    ship, teacher = choose.headline_artifact(results), choose.reference(results)
    if teacher is None:
        return "The teacher was not measured, so there is nothing to compare with."
    if ship is None:
        return f"Nothing was exported: only the teacher, {code(teacher.id)}, and its stages were measured."
    facts, place = [], choose.headline_place(results)
    fast, slow = choose.timing(ship, place), choose.timing(teacher, place)
    if fast and slow and place:
        facts.append(
            f"speed-up {numbers.speed_up(fast.ratio)} of the teacher's P50, {numbers.milliseconds(slow.p50_ms)} ms "
            f"({text(choose.in_words(place))})"
        )
    if ship.size and teacher.size:
        facts.append(f"{numbers.file_size(teacher.size.bytes)} → {numbers.file_size(ship.size.bytes)} on disk")
    if ship.accuracy:
        facts.append(_metric(ship.accuracy, teacher, results.max_drop))
    said = claims(results)[0]
    if not facts:
        return f"{code(ship.id)} is exported; nothing of it could be compared with the teacher."
    head = f"{code(ship.id)} against the teacher: {', '.join(said)}" if said else code(ship.id)
    return f"**{head}.** {'; '.join(facts)}."


def _rolled_back(step: Step, results: Results) -> str:
    # notes are a reason independent of the metric: the file's predictions differ from those of its source
    reason = text("; ".join(step.notes))
    if not reason and step.comparison:
        reason = _too_much(step.comparison, results.max_drop)
    sentence = f"**{choose.step_name(step, results.steps)} was rolled back**"
    if reason:
        sentence += f": {reason}"
    if step.unsettled and not step.notes:
        sentence += " (inconclusive, so the point estimate decided)"
    return f"{sentence}; {_replacement(step, results)}."


def _too_much(c: Comparison, allowed: float) -> str:
    return (
        f"{text(c.metric)} {numbers.percent(c.value)} against the teacher's {numbers.percent(c.reference)}, "
        f"{numbers.pp_change(numbers.negated(c.as_drop()))}, limit {numbers.pp(-allowed)}"
    )


def _retried(step: Step, results: Results) -> str:
    """Compare the recipe's strength with the accepted one; of a file, count the layers that keep a higher precision."""
    wanted, taken = step.tries[0], next(one for one in reversed(step.tries) if one.accepted)
    name = f"**{choose.step_name(step, results.steps)}"
    change = "some predictions were not finite"
    if c := wanted.comparison:
        change = f"the change was {numbers.pp(-c.drop)}, the limit is {numbers.pp(-results.max_drop)}"
    if taken.kept:
        precision = text(str(step.parameters.get("precision", "one precision")).upper())
        because = f"with all in {precision} {text(wanted.failed or change)}"
        return f"{name} keeps layers in a higher precision ({taken.kept})**: {because}."
    before, now = wanted.strength, taken.strength
    strengths = (
        "" if before is None or now is None or before == now else f" at a lower strength ({before:.3g} to {now:.3g})"
    )
    restored = f" with layer {', '.join(map(str, taken.spare))} left out" if taken.spare else ""
    return f"{name} was retried{strengths}{restored}**: at first {change}."


def _replacement(step: Step, results: Results) -> str:
    """Name the model that is used in place of a rolled-back step."""
    sources = {a.made_from for a in results.artifacts if a.role == "ship"}
    if not sources:
        return "nothing is exported"
    if step.kind == "artifact":
        return "it is not exported"
    before = results.steps[: results.steps.index(step)]
    last = next((s for s in reversed(before) if s.decision != "rolled-back"), None)
    if last is None:
        return "the build went on without it"
    reference = last.decision == "reference"
    model = "the teacher's own model" if reference else f"the model of {choose.step_name(last, results.steps)}"
    return f"{model} is exported" if last.name in sources else f"the build went on from {model}"


def _metric(score: Accuracy, teacher: Measured, allowed: float) -> str:
    """Return the figures behind the claim about the metric."""
    name = text(score.metric)
    if score.drop is None or teacher.accuracy is None:
        return f"{name} {numbers.percent(score.value)} on {score.rows:,} test examples"
    return (
        f"{name} {numbers.percent(teacher.accuracy.value)} → {numbers.percent(score.value)} on {score.rows:,} test "
        f"examples, {numbers.pp_change(numbers.negated(score.drop))}, limit {numbers.pp(-allowed)}"
    )


def _factor(factor: float, better: str, worse: str) -> str:
    return f"{numbers.times(max(factor, 1 / factor))} {better if factor >= 1 else worse}"
