"""The tables of measured figures, each made from one part of the results; an empty string if there are none."""

from pocketbert.bench.records.results import Measured, Place, Results
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.report.format.markdown import bullets, code, paragraphs, table, text
from pocketbert.bench.report.sections import phone
from pocketbert.bench.verdicts.items import left_out

ROLES = {"reference": "teacher", "stage": "stage", "ship": "exported"}


def overview(results: Results) -> str:
    """Write the table of the teacher and the exported models: speed-up, metric, size, memory."""
    place = choose.headline_place(results)
    metric = next((a.accuracy.metric for a in results.artifacts if a.accuracy), "metric")
    speed = f"speed-up ({text(choose.in_words(place))})" if place else "speed-up"
    shown = [a for a in choose.by_role(results) if a.role != "stage" or a.id == results.reference]
    rows = [
        [
            code(a.id),
            _speed(a, results, place),
            numbers.percent(a.accuracy.value) if a.accuracy else _not_run(a),
            _change(a),
            numbers.file_size(a.size.bytes) if a.size else "",
            numbers.mebibytes(a.memory.own_mib) if a.memory else _not_run(a),
        ]
        for a in shown
    ]
    recorded = (
        f"Not measured here: {text(one.what)}, {text(metric)} {numbers.percent(one.value)} ({text(one.source)})."
        for one in results.recorded
    )
    headers = ["model", speed, text(metric), "change (95 % CI)", "on disk", "model memory"]
    return paragraphs(table(headers, rows), *recorded)


def every_model(results: Results) -> str:
    """Write the table of all models, stages included, with their sizes and costs."""
    metric = next((a.accuracy.metric for a in results.artifacts if a.accuracy), "metric")
    rows = [
        [
            code(a.id),
            ROLES[a.role],
            numbers.percent(a.accuracy.value) if a.accuracy else _not_run(a),
            _change(a),
            numbers.quantity(a.parameters) if a.parameters is not None else "",
            numbers.quantity(a.macs) if a.macs is not None else "",
            numbers.file_size(a.size.bytes) if a.size else "",
            numbers.file_size(a.size.deflated_bytes) if a.size else "",
        ]
        for a in choose.by_role(results)
    ]
    headers = ["model", "role", text(metric), "change (95 % CI)", "parameters", "MACs", "on disk", "zipped"]
    same = [f"{code(stage)} has the content of {code(file)}" for stage, file in choose.copies(results).items()]
    return paragraphs(table(headers, rows, words=2), f"Not listed twice: {'; '.join(same)}." if same else "")


def _change(artifact: Measured) -> str:
    drop = artifact.accuracy.drop if artifact.accuracy else None
    return numbers.pp_change(numbers.negated(drop)) if drop else ""


def latency_overview(results: Results) -> str:
    """Write the table of P50 and P90: a row per artifact, a column per profile, then one per real device."""
    places = choose.one_per_profile(results, choose.measured_places(results))
    rows = [
        [
            code(a.id),
            *(numbers.p50_p90(m) if (m := choose.timing(a, place)) else _not_run(a) for place in places),
            *phone.cells(results, a.id),
        ]
        for a in choose.by_role(results)
        if a.role != "stage" or a.latency
    ]
    headers = ["P50 / P90, ms", *(text(choose.in_words(place, results)) for place in places), *phone.headers(results)]
    return table(headers, rows if len(headers) > 1 else [])


def latency_details(results: Results) -> str:
    """Write the table of every timing, with the interval of its speed-up."""
    rows = [
        [
            text(choose.profile_names(results, m.profile)),
            text(choose.length_in_words(m.length)),
            code(a.id),
            numbers.milliseconds(m.p50_ms),
            numbers.milliseconds(m.p90_ms),
            _speed(a, results, place),
        ]
        for place in choose.measured_places(results)
        for a in choose.by_role(results)
        if (m := choose.timing(a, place))
    ]
    return table(["profile", "length", "model", "P50, ms", "P90, ms", "speed-up (95 % CI)"], rows, words=3)


def tokenizer_note(results: Results) -> str:
    """Return the time of the tokenizer, which is not part of the latencies."""
    found = [a.tokenizer_p50_ms for a in results.artifacts if a.tokenizer_p50_ms is not None]
    if not found:
        return ""
    low, high = numbers.milliseconds(min(found)), numbers.milliseconds(max(found))
    return f"The tokenizer is timed apart and not included: P50 {low if low == high else f'{low} to {high}'} ms."


def padding_note(results: Results) -> str:
    """Return which files pad texts, and to which lengths: a short text takes the time of its length."""
    padded = {
        tuple(a.lengths): [code(b.id) for b in results.artifacts if b.lengths == a.lengths] for a in results.artifacts
    }
    said = [
        f"{', '.join(ids)} to {' or '.join(map(str, lengths))} tokens" for lengths, ids in padded.items() if lengths
    ]
    return (
        f"Each text is padded to the next length that the file takes, and timed so: {'; '.join(said)}." if said else ""
    )


def memory_details(results: Results) -> str:
    """Write the table of peak resident memory at the three moments of its reading, and of the model memory."""
    rows = [
        [code(a.id), *(numbers.mebibytes(v) for v in (m.imports_mib, m.load_mib, m.peak_mib, m.own_mib))]
        for a in choose.by_role(results)
        if (m := a.memory)
    ]
    return table(["model", "after imports", "after load", "peak", "model memory"], rows)


def size_parts(results: Results) -> str:
    """Write the table of bytes on disk by part, of the models whose tensors can be read."""
    size = numbers.file_size
    rows = [
        [code(a.id), *(size(s.parts[p]) if p in s.parts else "" for p in choose.PARTS), size(s.bytes)]
        for a in choose.by_role(results)
        if (s := a.size) and s.parts
    ]
    return table(["model", *choose.PARTS, "on disk"], rows)


def scores(results: Results) -> str:
    """Write the table of all scores on the test split, and of each file's agreement with its PyTorch model."""
    shown = [a for a in choose.by_role(results) if a.accuracy or a.parity]
    kinds = list(dict.fromkeys(name for a in shown if a.accuracy for name in a.accuracy.scores))
    entities = ["same entities (F1)"] if any(map(_same_entities, shown)) else []
    rows = [
        [
            code(a.id),
            *(numbers.percent(a.accuracy.scores[n]) if a.accuracy and n in a.accuracy.scores else "" for n in kinds),
            f"{a.accuracy.rows:,}" if a.accuracy else "",
            numbers.percent(a.parity.label_agreement) if a.parity else "",
            *(_same_entities(a) for _ in entities),
            numbers.significant(a.parity.max_abs_logit, 2) if a.parity else "",
        ]
        for a in shown
    ]
    parity = ["same label as in PyTorch", *entities, "largest logit difference"]
    headers = ["model", *map(text, kinds), "test examples", *parity]
    reused = ", ".join(code(a.id) for a in shown if a.accuracy and a.accuracy.reused)
    note = f"Taken from an earlier run with the same file, examples, libraries and machine: {reused}."
    return paragraphs(table(headers, rows, once=["test examples"]), note if reused else "")


def _same_entities(artifact: Measured) -> str:
    found = artifact.parity.entity_agreement if artifact.parity else None
    return "" if found is None else numbers.percent(found)


def not_measured(results: Results) -> str:
    """List the skipped profiles, the files of other platforms and the failed measurements, each with its reason."""
    missing = [f"profile {code(p.name)}: {text(p.skipped)}" for p in results.profiles if p.skipped]
    missing += [
        f"{code(a.id)}: not run here, since {text(a.runtime)} is not on this system; only its size is measured"
        for a in choose.by_role(results)
        if a.not_run
    ]
    missing += [text(words) for words in left_out(results)]
    missing += [f"{code(a.id)}: {text(str(failure))}" for a in choose.by_role(results) for failure in a.failures]
    return paragraphs("Not measured:", bullets(missing)) if missing else ""


def profiles(results: Results) -> str:
    """Write the table of the simulated devices: requested threads, and the cores verified in the processes."""
    rows = [
        [
            code(p.name),
            f"skipped: {text(p.skipped)}" if p.skipped else f"same as {code(p.same_as)}" if p.same_as else "measured",
            ", ".join(text(choose.length_in_words(length)) for length in p.lengths),
            str(p.threads),
            ", ".join(map(str, p.cores)),
        ]
        for p in results.profiles
    ]
    return table(
        ["profile", "state", "lengths", "threads", "cores in force (verified)"], rows, words=3, once=["lengths"]
    )


def machine(results: Results) -> str:
    """Write the table of the machine and the library versions."""
    m = results.machine
    rows = [
        ["fingerprint", code(m.fingerprint)],
        ["processor", text(m.cpu)],
        ["instruction sets", text(", ".join(m.flags))],
        ["usable cores", str(m.cores)],
        ["cgroup quota", f"{m.quota:g} cores" if m.quota is not None else "none"],
        ["cores sharing a physical one", "; ".join(", ".join(map(str, group)) for group in m.smt_siblings) or "none"],
        ["frequency governor", text(m.governor or "not readable")],
        ["memory", numbers.mebibytes(m.memory_mib)],
        ["kernel", text(m.kernel)],
        ["Python", text(m.python)],
        *([text(name), text(version)] for name, version in sorted(m.versions.items(), key=lambda p: p[0].lower())),
    ]
    return table(["what", "value"], rows, words=2)


def _not_run(artifact: Measured) -> str:
    return "not run here" if artifact.not_run else ""


def _speed(artifact: Measured, results: Results, place: Place | None) -> str:
    found = choose.timing(artifact, place)
    if found is None:
        return _not_run(artifact)
    teacher = choose.reference(results)
    return "1×" if teacher and artifact.id == teacher.id else numbers.speed_up(found.ratio)
