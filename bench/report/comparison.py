"""Two results files side by side: what is compared with what, the table of artifacts, details folded."""

from collections.abc import Sequence
from pathlib import Path

from pocketbert.bench.records.results import Results, Weighed
from pocketbert.bench.report.differences import Difference, Differences, latencies, moved
from pocketbert.bench.report.format.choose import headline, spoken
from pocketbert.bench.report.format.markdown import code, fold, moment, table, text
from pocketbert.bench.report.format.numbers import (
    arrow,
    change,
    file_size,
    mebibytes,
    milliseconds,
    percent,
    points_between,
    signed_percent,
    signed_points,
    times,
)
from pocketbert.bench.report.sections import zeros
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write

LEGEND = (
    "<sub>▲ more, ▼ less: only where the whole interval lies beyond nothing (memory, which has no interval: beyond 5 % "
    "and 1 MiB). Bold: for the worse.</sub>"
)


def write_comparison(before: Path, now: Path, was: Results, today: Results) -> Path:
    """Write ``<now>-against-<before>.md`` beside `now`; returns its path.

    Raises:
        BadInput: the two have no artifact in common.
    """
    path = now.with_name(f"{now.stem}-against-{before.stem}.md")
    page = compose(str(before), str(now), was, today)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def compose(name_before: str, name_now: str, before: Results, now: Results) -> str:
    """The Markdown.

    Args:
        name_before, name_now: what the files are called.

    Raises:
        BadInput: the two have no artifact in common.
    """
    found = Differences(before, now)
    if not found.both:
        ids = (", ".join(a.id for a in results.artifacts) or "none" for results in (before, now))
        raise BadInput(f"{name_before} and {name_now}: no artifact of the same id in both: {'; '.join(ids)}")
    every = {a.id: list(found.of(a.id)) for _, a in found.both}
    where = _headline(found)
    blocks = [
        f"# pocketbert comparison: {text(now.recipe)}",
        f"{code(name_now)} against {code(name_before)}: **{_verdict(every)}**",
        "\n".join(f"- {line}" for line in _warnings(found)),
        _overview(found, every, where),
        LEGEND,
        "\n".join(f"- {line}" for line in _one_sided(found)),
        *_folds(found, every),
        fold("<b>What is compared with what</b>", _sides(found, name_before, name_now)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(every: dict[str, list[Difference]]) -> str:
    """How many artifacts got worse in what, in one line."""
    words = {"latency": "slower", "memory": "fatter", "size": "larger", "score": "less accurate"}
    better = {"latency": "faster", "memory": "leaner", "size": "smaller", "score": "more accurate"}
    parts = []
    for names, worse in ((words, True), (better, False)):
        for quantity, word in names.items():
            count = sum(
                any(d.quantity == quantity and d.direction and d.worse == worse for d in differences)
                for differences in every.values()
            )
            if count:
                parts.append(f"{count} {word}")
    return f"of {len(every)} artifacts {', '.join(parts)}." if parts else f"{len(every)} artifacts, no certain change."


def _warnings(found: Differences) -> list[str]:
    """What keeps the two from being compared in full."""
    before, now = found.before, found.now
    lines = []
    if before.recipe != now.recipe:
        lines.append(f"**Two recipes**: {code(before.recipe)} and {code(now.recipe)}; artifacts are matched by id.")
    if not found.one_machine:
        lines.append(
            f"**Two machines**: {text(before.machine.cpu)} ({code(before.machine.fingerprint)}) and "
            f"{text(now.machine.cpu)} ({code(now.machine.fingerprint)}). Latency is compared through each run's "
            "ratio to its own teacher; milliseconds and memory are not compared."
        )
    if not found.one_reference:
        lines.append("**Two teachers**: their ratios mean different things, so latency is not compared.")
    if changed := moved(before, now):
        listed = ", ".join(f"{text(name)} {was} → {today}" for name, (was, today) in changed.items())
        lines.append(f"**Other libraries**: {listed}; a change may be theirs.")
    for was, today in found.both:
        if was.runtime != today.runtime:
            lines.append(f"**Two runtimes**: {code(today.id)} ran in {text(was.runtime)} and in {text(today.runtime)}.")
    if zeros.shipped(before) != zeros.shipped(now):
        sparse = "second" if zeros.shipped(now) else "first"
        lines.append(
            f"**Zeros**: only the {sparse} run ships weights set to 0. They make no dense kernel faster: a change of "
            "latency is not theirs."
        )
    if any(a.accuracy and b.accuracy and a.accuracy.test_sha256 != b.accuracy.test_sha256 for a, b in found.both):
        lines.append("**Other test rows**: scores stand side by side, but cannot be compared row by row.")
    return lines


def _headline(found: Differences) -> str | None:
    """The place that the first table speaks of: the second run's headline where both have it, else one both have."""
    first = headline(found.now)
    places = [place for was, now in found.both for place in latencies(was, now)]
    if first and "/".join(first) in places:
        return "/".join(first)
    return places[0] if places else None


def _overview(found: Differences, every: dict[str, list[Difference]], where: str | None) -> str:
    rows = []
    for was, now in found.both:
        known: dict[tuple[str, str | None], Difference] = {(d.quantity, d.place): d for d in every[now.id]}
        keys = (("latency", where), ("size", ""), ("memory", ""), ("score", ""))
        cells = [_cell(known[key]) if key in known else "" for key in keys]
        if found.one_machine and not cells[0] and (timed := latencies(was, now).get(where or "")):
            cells[0] = f"{milliseconds(timed[0].p50_ms)} → {milliseconds(timed[1].p50_ms)} ms"
        rows.append([code(now.id), *cells])
    speed = f"P50 ({text(_place(where))})" if where else "P50"
    return table(["model", speed, "on disk", "own memory", f"{_metric(found)}, points"], rows)


def _cell(d: Difference) -> str:
    """What became of it; where that cannot be said, the two figures."""
    if d.change is None:
        return "" if d.quantity == "latency" else f"{_figure(d, d.was)} → {_figure(d, d.now)}"
    return _marked(d)


def _marked(d: Difference) -> str:
    if d.change is None:
        return ""
    if d.quantity == "score":
        said = f"{signed_points(d.change.estimate)} ({points_between(d.change.low, d.change.high)})"
    elif d.change.low == d.change.high:
        said = signed_percent(d.change.estimate)
    else:
        said = change(d.change)
    marked = arrow(d.change) + said if d.sure else said
    return f"**{marked}**" if d.worse else marked


def _figure(d: Difference, value: float) -> str:
    if d.quantity == "latency":
        return times(value)
    if d.quantity == "memory":
        return mebibytes(value)
    return percent(value) if d.quantity == "score" else file_size(round(value))


def _one_sided(found: Differences) -> list[str]:
    sides = (("only in the first", found.only_before), ("only in the second", found.only_now))
    return [f"{words}: {', '.join(code(a.id) for a in artifacts)}" for words, artifacts in sides if artifacts]


def _folds(found: Differences, every: dict[str, list[Difference]]) -> list[str]:
    folds = []
    if rows := _latency_rows(found, every):
        headers = ["model", "profile/length", "× teacher, first", "second", "change", "P50, first, ms", "second, ms"]
        folds.append(
            fold(
                "<b>Latency</b>: every profile and length that both runs have",
                "The change is that of the ratio to the teacher, which each run times in turn with its artifacts; its "
                "interval combines those of the two ratios (Zou and Donner 2008).",
                table(headers, rows, words=2),
            )
        )
    for quantities, summary in (
        (("size", "deflated"), "<b>Size</b>: on disk and deflated"),
        (("memory",), "<b>Memory</b>: the artifact's own share"),
        (("score",), f"<b>{_metric(found)}</b> on the test split"),
    ):
        if rows := _rows(every, quantities):
            folds.append(fold(summary, table(["model", "", "first", "second", "change"], rows, words=2)))
    return folds


def _latency_rows(found: Differences, every: dict[str, list[Difference]]) -> list[list[str]]:
    rows = []
    for was, now in found.both:
        timed = latencies(was, now)
        for d in every[now.id]:
            if d.quantity == "latency":
                then, today = timed[d.place]
                ms = [milliseconds(then.p50_ms), milliseconds(today.p50_ms)] if found.one_machine else ["", ""]
                ratios = [times(d.was), times(d.now)] if d.change else ["", ""]
                rows.append([code(now.id), text(d.place), *ratios, _marked(d), *ms])
    return rows if found.one_machine or found.one_reference else []


def _rows(every: dict[str, list[Difference]], quantities: Sequence[str]) -> list[list[str]]:
    names = {"size": "on disk", "deflated": "deflated", "memory": "own memory", "score": "score"}
    return [
        [code(d.artifact), names[d.quantity], _figure(d, d.was), _figure(d, d.now), _marked(d)]
        for differences in every.values()
        for d in differences
        if d.quantity in quantities
    ]


def _sides(found: Differences, name_before: str, name_now: str) -> str:
    """Both runs, line by line; what differs is bold."""

    def facts(name: str, results: Results) -> dict[str, str]:
        m = results.machine
        rows = next((a.accuracy for a in results.artifacts if a.accuracy), None)
        return {
            "file": code(name),
            "made": moment(results.created),
            "commit": code(results.commit[:12]) if results.commit else "",
            "recipe": code(results.recipe),
            "teacher": code(results.reference),
            "test rows": f"{rows.rows:,} ({rows.test_sha256[:8]})" if rows else "none",
            "processor": text(m.cpu),
            "fingerprint": code(m.fingerprint),
            "usable cores": str(m.cores),
            "kernel": text(m.kernel),
            "Python": text(m.python),
            **{text(name): text(version) for name, version in sorted(m.versions.items())},
        }

    was, now = facts(name_before, found.before), facts(name_now, found.now)
    rows = []
    for what in dict.fromkeys([*was, *now]):
        cells = [was.get(what, ""), now.get(what, "")]
        if cells[0] != cells[1]:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        rows.append([what, *cells])
    return table(["", "first", "second"], rows, words=3)


def _metric(found: Differences) -> str:
    scored: list[Weighed] = [a for _, a in found.both if a.accuracy]
    return text(scored[0].accuracy.metric) if scored and scored[0].accuracy else "score"


def _place(place: str) -> str:
    profile, length = place.split("/")
    return spoken(profile, length)
