"""The tables of a report, each made from one part of the results. An empty string means: nothing to show."""

from collections import Counter

from bench.metrics.parts import REST
from bench.report import on_phone, zeros
from bench.report.lead import plain
from bench.report.numbers import (
    arrow,
    change,
    duration,
    file_size,
    mebibytes,
    milliseconds,
    percent,
    points,
    points_between,
    quantity,
    significant,
    speed_up,
    times,
)
from bench.report.pick import (
    absent,
    foreign,
    headline,
    latency,
    measured,
    names,
    ordered,
    per_profile,
    reference,
    spoken,
)
from bench.report.tables import code, table, text
from bench.results import Interval, Results, Verdict, Weighed

UNFOLDED = ("regressed", "missing", "inconclusive")
_FEW = 3
"""Inconclusive verdicts that are each worth a line on the first screen."""
ROLES = {"reference": "teacher", "stage": "stage", "ship": "ships"}


def overview(results: Results) -> str:
    """The teacher against every stage and artifact: one row each, one column for each quantity."""
    where = headline(results)
    metric = next((a.accuracy.metric for a in results.artifacts if a.accuracy), "metric")
    speed = f"speed-up ({text(spoken(*where))})" if where else "speed-up"
    rows = [
        [
            code(a.id),
            ROLES[a.role],
            percent(a.accuracy.value) if a.accuracy else _not_run(a),
            _drop(a.accuracy.drop) if a.accuracy and a.accuracy.drop else "",
            quantity(a.parameters) if a.parameters is not None else "",
            quantity(a.macs) if a.macs is not None else "",
            file_size(a.size.bytes) if a.size else "",
            file_size(a.size.deflated_bytes) if a.size else "",
            f"{mebibytes(a.memory.peak_mib)} ({significant(a.memory.own_mib)})" if a.memory else _not_run(a),
            _speed(a, results, where),
        ]
        for a in ordered(results)
    ]
    headers = ["model", "role", text(metric), "drop, points", "parameters", "MACs", "on disk", "deflated"]
    return table([*headers, "peak memory (own)", speed], rows, words=2) if rows else ""


def latency_overview(results: Results) -> str:
    """P50 and P90 of every artifact, one column for each profile, then one for each real device."""
    columns = list(per_profile(results))
    rows = [
        [
            code(a.id),
            *(
                f"{milliseconds(m.p50_ms)} / {milliseconds(m.p90_ms)}" if (m := latency(a, c)) else _untimed(a)
                for c in columns
            ),
            *on_phone.cells(results, a.id),
        ]
        for a in ordered(results)
    ]
    simulated = [text(spoken(names(results, profile), length)) for profile, length in columns]
    headers = ["P50 / P90, ms", *simulated, *on_phone.headers(results)]
    return table(headers, rows) if len(headers) > 1 else ""


def latency_details(results: Results) -> str:
    """Every timing, with the interval of its speed-up; the tokenizer, timed apart, is a row of its own."""
    rows = [
        [
            text(names(results, where[0])),
            text(where[1]),
            code(a.id),
            milliseconds(m.p50_ms),
            milliseconds(m.p90_ms),
            _speed(a, results, where),
            f"{m.runs:,}",
        ]
        for where in measured(results)
        for a in ordered(results)
        if (m := latency(a, where))
    ]
    return (
        table(["profile", "length", "model", "P50, ms", "P90, ms", "speed-up", "runs"], rows, words=3) if rows else ""
    )


def tokenizer_note(results: Results) -> str:
    """How long the tokenizer takes; it is not part of the latencies."""
    found = [a.tokenizer_p50_ms for a in results.artifacts if a.tokenizer_p50_ms is not None]
    if not found:
        return ""
    low, high = milliseconds(min(found)), milliseconds(max(found))
    return f"The tokenizer is timed apart and not included: P50 {low if low == high else f'{low} to {high}'} ms."


def memory_details(results: Results) -> str:
    """Peak resident memory at the three moments it is read."""
    rows = [
        [code(a.id), *(mebibytes(v) for v in (m.imports_mib, m.load_mib, m.peak_mib, m.own_mib))]
        for a in ordered(results)
        if (m := a.memory)
    ]
    headers = ["model", "after imports", "after load", "peak", "own share"]
    return table(headers, rows) if rows else ""


def size_parts(results: Results) -> str:
    """Bytes on disk of each part of the models whose tensors can be read."""
    parts = ("embeddings", "attention", "FFN", "head", REST)
    rows = [
        [code(a.id), *(file_size(a.size.parts[p]) if p in a.size.parts else "" for p in parts), file_size(a.size.bytes)]
        for a in ordered(results)
        if a.size and a.size.parts
    ]
    return table(["model", *parts, "on disk"], rows) if rows else ""


def scores(results: Results) -> str:
    """Every score on the test split, and how well each file agrees with the PyTorch model it was made from."""
    shown = [a for a in ordered(results) if a.accuracy or a.parity]
    kinds = list(dict.fromkeys(name for a in shown if a.accuracy for name in a.accuracy.scores))
    rows = [
        [
            code(a.id),
            *(percent(a.accuracy.scores[n]) if a.accuracy and n in a.accuracy.scores else "" for n in kinds),
            f"{a.accuracy.rows:,}" if a.accuracy else "",
            percent(a.parity.label_agreement) if a.parity else "",
            significant(a.parity.max_abs_logit, 2) if a.parity else "",
        ]
        for a in shown
    ]
    headers = ["model", *map(text, kinds), "test rows", "same label as its PyTorch model", "largest logit difference"]
    reused = [code(a.id) for a in shown if a.accuracy and a.accuracy.reused]
    note = f"Taken over from an earlier weighing of the same file, rows, libraries and machine: {', '.join(reused)}."
    return "\n\n".join([table(headers, rows), *([note] if reused else [])]) if rows else ""


def not_measured(results: Results) -> str:
    """What is missing from the tables, and why: skipped profiles, files of another system, and parts that failed."""
    skipped = [f"- profile {code(p.name)}: {text(p.skipped)}" for p in results.profiles if p.skipped]
    foreign = [
        f"- {code(a.id)}: not run here, since {text(a.runtime)} is not on this system; weighed by its size alone"
        for a in ordered(results)
        if a.not_run
    ]
    failed = [f"- {code(a.id)}: {text(failure)}" for a in ordered(results) for failure in a.failures]
    missing = [*skipped, *foreign, *failed]
    return "\n".join(["Not measured:", "", *missing]) if missing else ""


def noteworthy(results: Results) -> str:
    """The gated verdicts that fail or are unclear, one line each, and what to do about missing baselines."""
    lines: list[str] = []
    for outcome in UNFOLDED:
        found = [v for v in results.verdicts if v.outcome == outcome and not absent(v)]
        lines += map(_line, found) if outcome != "inconclusive" or len(found) <= _FEW else [_many(found)]
    if gone := dict.fromkeys(v.profile for v in results.verdicts if absent(v) and v.profile):
        lines.append(f"- **not possible here**, though in the baseline: latency {', '.join(map(text, gone))}")
    new = [v for v in results.verdicts if v.gated and v.outcome == "no-baseline" and not foreign(v)]
    if new:
        some = "" if len(new) == len(results.verdicts) else " for some quantities (listed below)"
        lines.append(
            f"- **no baseline** yet{some}; accept these figures with "
            f"{code(f'pocketbert baseline update reports/{results.recipe}.json')}"
        )
    return "\n".join(lines)


def _many(unclear: list[Verdict]) -> str:
    """One line for all that are inconclusive: they fail nothing, and the table of all verdicts has each."""
    cells: dict[str, list[str]] = {}
    for v in unclear:
        cells.setdefault(code(v.artifact), []).append(text(v.profile or v.metric))
    metrics = " and ".join(dict.fromkeys(v.metric for v in unclear))
    where = "; ".join(f"{artifact} {', '.join(places)}" for artifact, places in cells.items())
    return (
        f"- **{metrics} inconclusive:** too wide an interval for the threshold, listed with all verdicts below: {where}"
    )


def verdicts(results: Results) -> str:
    """Every verdict, each figure in the unit of its metric; below the table why one has no baseline or figure."""
    rows = [
        [
            f"**{v.outcome}**" if v.outcome in UNFOLDED else v.outcome,
            v.metric,
            code(v.artifact),
            text(v.profile or ""),
            figure(v, v.baseline),
            figure(v, v.measured),
            interval(v),
            f"{points(v.threshold)} points" if v.metric == "accuracy" else f"+{percent(v.threshold)}",
        ]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/length", "baseline", "measured", "interval", "threshold"]
    whys = _reasons([v for v in results.verdicts if v.outcome == "no-baseline" and results.baseline])
    return "\n\n".join([table(headers, rows, words=4), *(["\n".join(whys)] if whys else [])]) if rows else ""


def _reasons(unjudged: list[Verdict]) -> list[str]:
    """Why these have no baseline, once for all that share a reason."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in unjudged:
        groups.setdefault(verdict.note or verdict.message, []).append(verdict)
    return [
        f"- {' and '.join(dict.fromkeys(v.metric for v in same))} of "
        f"{', '.join(code(name) for name in dict.fromkeys(v.artifact for v in same))}: {text(reason)}"
        for reason, same in groups.items()
    ]


def paired(results: Results) -> str:
    """Each shipped artifact beside the baseline's: what its latency verdicts rest on."""
    rows = [
        [
            code(p.artifact),
            text(spoken(names(results, p.profile), p.length)),
            f"**{p.outcome}**" if p.outcome in UNFOLDED else p.outcome,
            arrow(p.change) + change(p.change),
            arrow(p.change_p90) + change(p.change_p90),
            str(len(p.logs)),
            percent(p.preempted),
            duration(p.seconds),
        ]
        for p in results.paired
    ]
    headers = ["artifact", "where", "verdict", "change of P50", "change of P90", "pairs", "runs that lost their core"]
    whys = [f"- {code(name)} was not timed beside it: {text(why)}" for name, why in results.unpaired.items()]
    whys += [f"- {code(name)} is the baseline's very file, with the same libraries" for name in results.same_file]
    return "\n\n".join(filter(None, [table([*headers, "took"], rows, words=3) if rows else "", "\n".join(whys)]))


def flipped(results: Results) -> str:
    """Rows that turned from right to wrong and back."""
    blocks = []
    for f in results.flips:
        if not (f.lost or f.won):
            continue
        rows = [
            [word, f"{row.row:,}", text(row.label), text(row.text)]
            for word, listed in (("lost", f.lost_rows), ("won", f.won_rows))
            for row in listed
        ]
        head = f"{code(f.artifact)} against {text(f.against)}: {f.lost} rows lost, {f.won} won; the first of each:"
        blocks.append(f"{head}\n\n{table(['', 'test row', 'right label', 'text'], rows, words=4)}")
    return "\n\n".join(blocks)


def verdict_counts(results: Results) -> str:
    """``9 ok, 1 improved``, over all verdicts, gated or not."""
    return ", ".join(f"{n} {outcome}" for outcome, n in Counter(v.outcome for v in results.verdicts).most_common())


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


def profiles(results: Results) -> str:
    """The simulated devices: what was asked for and what was seen in force."""
    rows = [
        [
            code(p.name),
            f"skipped: {text(p.skipped)}" if p.skipped else f"same as {code(p.same_as)}" if p.same_as else "measured",
            ", ".join(text(length) for length in p.lengths),
            str(p.threads),
            ", ".join(map(str, p.cores)),
        ]
        for p in results.profiles
    ]
    headers = ["profile", "state", "lengths, tokens", "threads", "cores in force (verified)"]
    return table(headers, rows, words=3) if rows else ""


def machine(results: Results) -> str:
    """The fingerprint: what the figures depend on besides the models."""
    m = results.machine
    rows = [
        ["fingerprint", code(m.fingerprint)],
        ["processor", text(m.cpu)],
        ["instruction sets", text(", ".join(m.flags))],
        ["usable cores", str(m.cores)],
        ["cgroup quota", f"{m.quota:g} cores" if m.quota is not None else "none"],
        ["cores sharing a physical one", "; ".join(", ".join(map(str, group)) for group in m.smt_siblings) or "none"],
        ["frequency governor", text(m.governor or "not readable")],
        ["memory", mebibytes(m.memory_mib)],
        ["kernel", text(m.kernel)],
        ["Python", text(m.python)],
        *([text(name), text(version)] for name, version in sorted(m.versions.items(), key=lambda p: p[0].lower())),
    ]
    return table(["what", "value"], rows, words=2)


def _line(verdict: Verdict) -> str:
    head = f"{verdict.metric} {verdict.outcome}:"
    return f"- **{head}** {text(verdict.message.removeprefix(head))}"


def figure(verdict: Verdict, value: float | None) -> str:
    """A verdict's figure: latency as a share of the teacher's P50, memory in MiB, bytes, metric in percent."""
    if value is None:
        return ""
    if verdict.metric == "latency":
        return times(value)
    if verdict.metric == "memory":
        return mebibytes(value)
    return percent(value) if verdict.metric == "accuracy" else file_size(round(value))


def interval(verdict: Verdict) -> str:
    """A verdict's interval: of the ratio for latency, of the drop for accuracy; the other metrics have none."""
    if (found := verdict.interval) is None:
        return ""
    if verdict.metric == "accuracy":
        return f"drop {points_between(found.low, found.high)}"
    return f"{significant(found.low)} to {significant(found.high)}"


def _untimed(artifact: Weighed) -> str:
    """In place of a speed."""
    return _not_run(artifact) or zeros.speed(artifact)


def _not_run(artifact: Weighed) -> str:
    return "not run here" if artifact.not_run else ""


def _drop(drop: Interval) -> str:
    return f"{points(drop.estimate)} ({points_between(drop.low, drop.high)})"


def _speed(artifact: Weighed, results: Results, where: tuple[str, str] | None) -> str:
    timing = latency(artifact, where)
    teacher = reference(results)
    if timing is None:
        return _untimed(artifact)
    return "1×" if teacher and artifact.id == teacher.id else speed_up(timing.ratio)
