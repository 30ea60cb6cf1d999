"""Comparison page of two results files: a table of artifacts, then folded details."""

from collections.abc import Sequence
from pathlib import Path

from pocketbert.bench.records.results import Place, Results
from pocketbert.bench.records.rows import same_rows
from pocketbert.bench.report.differences import Difference, Differences, latencies
from pocketbert.bench.report.format import numbers
from pocketbert.bench.report.format.choose import headline_place, in_words
from pocketbert.bench.report.format.markdown import bullets, code, fold, moment, paragraphs, table, text
from pocketbert.bench.report.sections import zeros
from pocketbert.bench.report.sections.lead import confidence_line
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write

LEGEND = (
    "<sub>Changes have their 95 % CI in brackets. ▲ more, ▼ less: the interval excludes zero (memory has no "
    "interval: more than 5 % and 1 MiB). Bold: worse.</sub>"
)
_WORSE = {"latency": "slower", "memory": "larger in memory", "size": "larger", "accuracy": "less accurate"}
_BETTER = {"latency": "faster", "memory": "smaller in memory", "size": "smaller", "accuracy": "more accurate"}


def write_comparison(before: Path, now: Path, was: Results, today: Results) -> Path:
    """Write ``<now>-against-<before>.md`` next to `now`; returns its path.

    Raises:
        BadInput: the two runs have no artifact in common.
    """
    path = now.with_name(f"{now.stem}-against-{before.stem}.md")
    page = compose(str(before), str(now), was, today)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def compose(name_before: str, name_now: str, before: Results, now: Results) -> str:
    """Return the Markdown.

    Args:
        name_before, name_now: the names of the two files.

    Raises:
        BadInput: the two runs have no artifact in common.
    """
    found = Differences(before, now)
    if not found.pairs:
        ids = (", ".join(a.id for a in results.artifacts) or "none" for results in (before, now))
        raise BadInput(
            f"{name_before} and {name_now}: no artifact has the same id in both ({'; '.join(ids)}); "
            "compare two runs of one recipe"
        )
    sides = (("only in the first", found.only_before), ("only in the second", found.only_now))
    blocks = [
        f"# pocketbert comparison: {text(now.recipe)}",
        f"{code(name_now)} against {code(name_before)}: **{_result(found)}**",
        bullets(_warnings(found)),
        _overview(found),
        LEGEND,
        bullets(f"{words}: {', '.join(code(a.id) for a in artifacts)}" for words, artifacts in sides if artifacts),
        fold(
            "<b>Latency</b>: every profile and length that both runs have",
            _latency_table(found),
            intro="The change is that of the ratio to the teacher, which each run times in turn with its artifacts; "
            "its interval combines those of the two ratios (Zou and Donner 2008).",
        ),
        fold("<b>Size</b>: on disk and zipped", _table(found, ("size", "deflated"))),
        fold("<b>Memory</b> of the model", _table(found, ("memory",))),
        fold(f"<b>{_metric(found)}</b> on the test split", _table(found, ("accuracy",))),
        fold("<b>What is compared with what</b>", _sides(found, name_before, name_now)),
    ]
    return paragraphs(*blocks) + "\n"


def _result(found: Differences) -> str:
    """Count in one line the artifacts that got worse and better, by quantity."""
    parts = []
    for words, worse in ((_WORSE, True), (_BETTER, False)):
        for quantity, word in words.items():
            count = sum(
                any(d.quantity == quantity and d.direction and d.worse == worse for d in differences)
                for differences in found.by_artifact.values()
            )
            if count:
                parts.append(f"{count} {word}")
    count = len(found.by_artifact)
    return f"of {count} artifacts {', '.join(parts)}." if parts else f"{count} artifacts, no certain change."


def _warnings(found: Differences) -> list[str]:
    """Return the reasons why the two runs cannot be compared in full."""
    before, now = found.before, found.now
    lines = list(filter(None, [confidence_line(now)]))
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
    if changed := now.machine.changed_versions(before.machine.versions):
        listed = (
            f"{text(name)} {text(was or 'none')} → {text(today or 'none')}" for name, (was, today) in changed.items()
        )
        lines.append(f"**Other libraries**: {', '.join(listed)}; a change may be theirs.")
    for was, today in found.pairs:
        if was.runtime != today.runtime:
            lines.append(f"**Two runtimes**: {code(today.id)} ran in {text(was.runtime)} and in {text(today.runtime)}.")
    if zeros.shipped(before) != zeros.shipped(now):
        sparse = "second" if zeros.shipped(now) else "first"
        lines.append(
            f"**Zeros**: only the {sparse} run ships weights set to 0. They make no dense kernel faster: a change of "
            "latency is not theirs."
        )
    if any(a.accuracy and b.accuracy and not same_rows(a.accuracy, b.accuracy) for a, b in found.pairs):
        lines.append("**Other test rows**: scores stand side by side, but cannot be compared row by row.")
    return lines


def _place(found: Differences) -> Place | None:
    """Return the place of the first table: the second run's headline if both runs have it, else the first in both."""
    first = headline_place(found.now)
    places = [place for was, now in found.pairs for place in latencies(was, now)]
    return first if first in places else next(iter(places), None)


def _overview(found: Differences) -> str:
    place = _place(found)
    rows = []
    for was, now in found.pairs:
        known: dict[tuple[str, Place | None], Difference] = {
            (d.quantity, d.place): d for d in found.by_artifact[now.id]
        }
        keys = (("latency", place), ("size", None), ("memory", None), ("accuracy", None))
        cells = [_cell(known.get(key)) for key in keys]
        if found.one_machine and not cells[0] and place and (timed := latencies(was, now).get(place)):
            cells[0] = f"{numbers.milliseconds(timed[0].p50_ms)} → {numbers.milliseconds(timed[1].p50_ms)} ms"
        rows.append([code(now.id), *cells])
    speed = f"P50 ({text(in_words(place))})" if place else "P50"
    return table(["model", speed, "on disk", "model memory", _metric(found)], rows)


def _cell(d: Difference | None) -> str:
    """Return the change; if the two figures cannot be compared, both figures."""
    if d and d.change is None and d.quantity != "latency":
        return f"{numbers.figure(d.quantity, d.was)} → {numbers.figure(d.quantity, d.now)}"
    return _change(d) if d else ""


def _change(d: Difference) -> str:
    """Return the change with its interval, marked if it is certain; nothing if the figures cannot be compared."""
    if d.change is None:
        return ""
    said = (numbers.pp_change if d.quantity == "accuracy" else numbers.change)(d.change)
    marked = numbers.arrow(d.change) + said if d.sure else said
    return f"**{marked}**" if d.worse else marked


def _latency_table(found: Differences) -> str:
    rows = []
    for was, now in found.pairs:
        timed = latencies(was, now)
        for d in found.by_artifact[now.id]:
            if d.place:
                ms = [numbers.milliseconds(m.p50_ms) if found.one_machine else "" for m in timed[d.place]]
                ratios = [numbers.times(ratio) if d.change else "" for ratio in (d.was, d.now)]
                rows.append([code(now.id), text(str(d.place)), *ratios, _change(d), *ms])
    headers = ["model", "profile/length", "× teacher, first", "second", "change", "P50, first, ms", "second, ms"]
    return table(headers, rows if found.one_machine or found.one_reference else [], words=2)


def _table(found: Differences, quantities: Sequence[str]) -> str:
    names = {"size": "on disk", "deflated": "zipped", "memory": "model memory", "accuracy": "score"}
    rows = [
        [code(d.artifact), names[d.quantity], *(numbers.figure(d.quantity, n) for n in (d.was, d.now)), _change(d)]
        for differences in found.by_artifact.values()
        for d in differences
        if d.quantity in quantities
    ]
    return table(["model", "", "first", "second", "change"], rows, words=2)


def _sides(found: Differences, name_before: str, name_now: str) -> str:
    """Write the table of facts about both runs; different facts are bold."""

    def facts(name: str, results: Results) -> dict[str, str]:
        m = results.machine
        rows = next((a.accuracy for a in results.artifacts if a.accuracy), None)
        return {
            "file": code(name),
            "made": moment(results.created),
            "commit": code(results.commit[:12]) if results.commit else "",
            "recipe": code(results.recipe),
            "teacher": code(results.reference),
            "test rows": f"{rows.rows:,} ({text(rows.test_sha256[:8])})" if rows else "none",
            "processor": text(m.cpu),
            "fingerprint": code(m.fingerprint),
            "usable cores": str(m.cores),
            "kernel": text(m.kernel),
            "Python": text(m.python),
            **{text(name): text(version) for name, version in sorted(m.versions.items())},
        }

    was, now = facts(name_before, found.before), facts(name_now, found.now)
    rows = []
    for fact in dict.fromkeys([*was, *now]):
        cells = [was.get(fact, ""), now.get(fact, "")]
        if cells[0] != cells[1]:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        rows.append([fact, *cells])
    return table(["", "first", "second"], rows, words=3)


def _metric(found: Differences) -> str:
    return next((text(a.accuracy.metric) for _, a in found.pairs if a.accuracy), "score")
