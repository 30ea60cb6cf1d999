"""The guard's decisions during the build, and the linear baseline that the teacher has to beat."""

from collections import Counter

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import step_name
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, table, text
from pocketbert.bench.report.format.numbers import duration, negated, percent, pp_change, quantity
from pocketbert.bench.report.sections import zeros
from pocketbert.compress.manifest import lossless


def guard(results: Results) -> str:
    """Write the table of the build's steps: their change in the metric and the guard's decisions."""
    rows, sparse = [], any(step.kind == "sparsify" for step in results.steps)
    for step in results.steps:
        c = step.comparison
        decision = f"**{step.decision}**" if step.decision == "rolled-back" else step.decision
        rows.append(
            [
                code(step.name),
                f"{decision} (inconclusive)" if step.unsettled and not lossless(step, results.steps) else decision,
                percent(c.value) if c else "",
                percent(c.reference) if c else "",
                pp_change(negated(c.as_drop())) if c and step.decision != "reference" else "",
                f"{c.rows:,}" if c else "",
                quantity(parameters) if (parameters := step.measured.get("parameters_left")) else "",
                percent(found) if sparse and (found := zeros.share(step)) is not None else "",
                duration(step.seconds),
            ]
        )
    metric = next((s.comparison.metric for s in results.steps if s.comparison), "metric")
    figures = [text(metric), "teacher", "change (95 % CI)", "examples", "parameters", "of them 0", "took"]
    notes = [f"{step_name(s, results.steps)}: {text(note)}" for s in results.steps for note in (*s.notes, *s.remarks)]
    steps = table(["step", "decision", *figures], rows, words=2, once=["teacher", "examples"])
    return paragraphs(steps, bullets(notes), _tries(results))


def _tries(results: Results) -> str:
    """Write the table of attempts: strengths of a stage, and files with more and more layers in a higher precision."""
    rows = [
        [
            code(step.name),
            "as chosen" if one.strength is None else f"{one.strength:.3g}",
            one.kept or ", ".join(map(str, one.spare)),
            percent(one.comparison.value) if one.comparison else "",
            pp_change(negated(one.comparison.as_drop())) if one.comparison else "",
            "accepted" if one.accepted else f"rejected: {text(one.failed)}" if one.failed else "rejected",
        ]
        for step in results.steps
        for one in step.tries
    ]
    headers = ["step", "strength", "layers left out", "metric", "change (95 % CI)", "decision"]
    return f"What the guard tried:\n\n{table(headers, rows, words=2)}" if rows else ""


def guard_counts(results: Results) -> str:
    """Return ``3 accepted, 1 rolled back``."""
    counts: Counter[str] = Counter(s.decision for s in results.steps)
    said = {"accepted": "accepted", "rolled-back": "rolled back"}
    return ", ".join(f"{counts[d]} {words}" for d, words in said.items() if counts[d]) or "no step but the teacher"


def linear_control(results: Results) -> str:
    """Write the table of the teacher and the linear baseline trained on the same rows."""
    control = results.linear_control
    if control is None:
        return ""
    c = control.comparison
    headers = [
        f"teacher's {text(c.metric)}",
        "linear baseline's",
        "teacher's change (95 % CI)",
        "examples",
        "trained on",
        "took",
    ]
    row = [
        percent(c.value),
        percent(c.reference),
        pp_change(negated(c.as_drop())),
        f"{c.rows:,}",
        f"{control.train_rows:,}",
        duration(control.seconds),
    ]
    return paragraphs(
        "TF-IDF of character n-grams and logistic regression, trained and scored on the teacher's examples. A teacher "
        "that is not better needs more training.",
        table(headers, [row], words=0),
    )


def linear_control_figures(results: Results) -> str:
    """Return both metrics and the teacher's gain in one line."""
    if results.linear_control is None:
        return ""
    c = results.linear_control.comparison
    change = pp_change(negated(c.as_drop()))
    return f"teacher {percent(c.value)}, linear baseline {percent(c.reference)}, {change}"
