"""What the guard said while it was built, and the control that the teacher has to beat."""

from collections import Counter

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import plain
from pocketbert.bench.report.format.markdown import code, table, text
from pocketbert.bench.report.format.numbers import duration, percent, points, points_between, quantity
from pocketbert.bench.report.sections import zeros


def guard(results: Results) -> str:
    """Each step of the build: what it cost in the metric and what the guard decided."""
    rows, sparse = [], any(step.kind == "sparsify" for step in results.steps)
    for step in results.steps:
        c = step.comparison
        decision = f"**{step.decision}**" if step.decision == "rolled-back" else step.decision
        rows.append(
            [
                code(step.name),
                f"{decision} (unsettled)" if step.unsettled else decision,
                percent(c.value) if c else "",
                percent(c.reference) if c else "",
                f"{points(c.drop)} ({points_between(c.low, c.high)})" if c and step.decision != "reference" else "",
                f"{c.rows:,}" if c else "",
                quantity(parameters) if (parameters := step.measured.get("parameters_left")) else "",
                percent(found) if sparse and (found := zeros.share(step)) is not None else "",
                duration(step.seconds),
            ]
        )
    metric = next((s.comparison.metric for s in results.steps if s.comparison), "metric")
    figures = [text(metric), "teacher's", "drop, points", "validation rows", "parameters", "of them 0", "took"]
    notes = "\n".join(
        f"- {plain(s, results.steps)}: {text(note)}" for s in results.steps for note in (*s.notes, *s.remarks)
    )
    return (
        "\n\n".join(filter(None, [table(["step", "decision", *figures], rows, words=2), notes, _tries(results)]))
        if rows
        else ""
    )


def _tries(results: Results) -> str:
    """Every strength that the guard had tried of a stage that cost too much at first, and every INT8 file with more
    and more Linears in float.
    """
    rows = []
    for step in results.steps:
        for one in step.tries:
            c = one.comparison
            rows.append(
                [
                    code(step.name),
                    "as chosen" if one.strength is None else f"{one.strength:.3g}",
                    f"{len(one.float_layers)} in float" if one.float_layers else ", ".join(map(str, one.spare)),
                    percent(c.value),
                    f"{points(c.drop)} ({points_between(c.low, c.high)})",
                    "accepted" if one.accepted else f"rejected: {text(one.failed)}" if one.failed else "rejected",
                ]
            )
    headers = ["step", "strength", "layers given back", "metric", "drop, points", "decision"]
    return f"What the guard tried:\n\n{table(headers, rows, words=2)}" if rows else ""


def guard_counts(results: Results) -> str:
    """``3 accepted, 1 rolled back``."""
    counts: Counter[str] = Counter(s.decision for s in results.steps)
    said = {"accepted": "accepted", "rolled-back": "rolled back"}
    return ", ".join(f"{counts[d]} {words}" for d, words in said.items() if counts[d]) or "no step but the teacher"


def linear_control(results: Results) -> str:
    """The teacher beside a linear model trained on the same rows."""
    control = results.linear_control
    if control is None:
        return ""
    c = control.comparison
    row = [
        percent(c.value),
        percent(c.reference),
        f"{points(-c.drop)} ({points_between(-c.high, -c.low)})",
        f"{c.rows:,}",
        f"{control.train_rows:,}",
        duration(control.seconds),
    ]
    return "\n\n".join(
        [
            "A linear model on character n-grams, trained on the teacher's rows and scored on the same ones: "
            "a teacher that cannot beat it is not worth compressing.",
            table(
                [f"teacher's {text(c.metric)}", "linear model's", "gain, points", "rows", "training rows", "took"],
                [row],
                words=0,
            ),
        ]
    )
