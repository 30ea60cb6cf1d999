"""The tables of what was weighed, each made from one part of the results. An empty string means: nothing to show."""

from pocketbert.bench.records.results import REST, Results, Weighed
from pocketbert.bench.report.format.choose import (
    headline,
    latency,
    measured,
    names,
    ordered,
    per_profile,
    reference,
    spoken,
)
from pocketbert.bench.report.format.markdown import code, table, text
from pocketbert.bench.report.format.numbers import (
    file_size,
    mebibytes,
    milliseconds,
    percent,
    points,
    points_between,
    quantity,
    significant,
    speed_up,
)
from pocketbert.bench.report.sections import phone as on_phone
from pocketbert.bench.report.sections import zeros
from pocketbert.bench.stats.intervals import Interval

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
