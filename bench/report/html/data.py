"""The data of the HTML page: the figures of a run with the words and signs of the other pages, as JSON values."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from pocketbert.bench.records.history import Record
from pocketbert.bench.records.results import Measured, Results
from pocketbert.bench.report.checks import Check, checks
from pocketbert.bench.report.format import choose, numbers
from pocketbert.bench.report.format.markdown import moment, plain
from pocketbert.bench.report.html.trends import trends
from pocketbert.bench.report.sections import tested, why
from pocketbert.bench.report.sections.lead import confidence_line, control_line, guard_lines, verdict_line
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.items import left_out
from pocketbert.compress.base.errors import printable
from pocketbert.compress.manifest import Comparison

_DIGITS = 5  # significant digits of a figure
_QUANTILES = 41
_RERUN = re.compile(r"pytest[^|;&<>`$]*")
_KEYWORD = re.compile(r"[\w:+.\[\]\\/-]+", re.ASCII)
"""One word of pytest's ``-k``; pytest escapes other letters in the names of tests."""


def view(results: Results, records: Sequence[Record]) -> dict[str, Any]:
    """Return everything that the page shows; every text is printable, every number finite and short."""
    found = checks(results)
    shown = choose.by_role(results)
    headline = choose.headline_artifact(results)
    made: dict[str, Any] = _plain(
        {
            "recipe": results.recipe,
            "made": _made(results),
            "state": _state(found),
            "verdict": _verdict(found, results),
            "teacher": _teacher(results),
            "pull_request": results.pull_request if results.pull_request.startswith("https://") else "",
            "remarks": list(filter(None, _remarks(results))),
            "reference": results.reference,
            "headline": headline.id if headline else "",
            "allowed": numbers.pp(-results.max_drop),
            "checks": [_check(number, check, results) for number, check in enumerate(found)],
            "latency": _latency(results, shown),
            "accuracy": {
                "labels": results.task.labels if results.task else [],
                "files": [_scores(a) for a in shown if a.accuracy],
            },
            "flips": [_flips(each) for each in results.flips],
            "size": [
                {
                    "id": a.id,
                    "bytes": a.size.bytes,
                    "zipped": a.size.deflated_bytes,
                    "parts": a.size.parts,
                    "tensors": [tensor.model_dump() for tensor in a.size.tensors],
                }
                for a in shown
                if a.size
            ],
            "memory": [
                {"id": a.id, "role": a.role, "peak": m.peak_mib, "own": m.own_mib, "series": m.series}
                for a in shown
                if (m := a.memory)
            ],
            "steps": list(_steps(results)),
            "notes": [
                f"{choose.without_ordinal(step.name)}: {note}"
                for step in results.steps
                for note in (*step.notes, *step.remarks)
            ],
            "history": trends(results, records),
            "why": [
                each.model_dump(exclude={"evidence"})
                | {
                    "evidence": {
                        kind: [change.model_dump() | {"said": why.cost(change)} for change in changes]
                        for kind, changes in each.evidence.items()
                    }
                }
                for each in results.why
            ],
            "facts": list(_facts(results)),
        }
    )
    return made


def _plain(value: Any) -> Any:
    """Return a JSON value: texts printable, floats rounded, None in place of NaN and infinity."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return int(value)


def _ends(interval: Interval | None) -> list[float] | None:
    return [interval.estimate, interval.low, interval.high] if interval else None


def _made(results: Results) -> str:
    of = f" of commit {results.commit[:12]}" if results.commit else ""
    of += f" ({results.subject})" if results.subject else ""
    against = f", compared with {results.baseline}" if results.baseline else ", without a baseline"
    on = f" on {results.machine.cpu}"
    return f"Made {moment(results.created)}{of}{on} in {numbers.duration(results.seconds)}{against}."


def _state(found: Sequence[Check]) -> str:
    if any(check.verdict.fails for check in found):
        return "regressed"
    if any(check.verdict.outcome == "inconclusive" for check in found):
        return "inconclusive"
    return "ok" if any(check.change for check in found) else "no-baseline"


def _verdict(found: Sequence[Check], results: Results) -> str:
    part = " Only a part was measured." if results.part else ""
    return verdict_line(results, found).strip("*") + part


def _teacher(results: Results) -> str:
    ship, teacher, place = choose.headline_artifact(results), choose.reference(results), choose.headline_place(results)
    if ship is None or teacher is None:
        return ""
    parts = []
    if (fast := choose.timing(ship, place)) and place:
        parts.append(f"speed-up {numbers.speed_up(fast.ratio)} at P50 in {choose.in_words(place)}")
    if ship.size and teacher.size:
        parts.append(f"{numbers.file_size(teacher.size.bytes)} → {numbers.file_size(ship.size.bytes)} on disk")
    if ship.accuracy and ship.accuracy.drop:
        parts.append(f"{ship.accuracy.metric} {numbers.pp_change(numbers.negated(ship.accuracy.drop))}")
    return f"{ship.id} against the teacher (95 % CI): {'; '.join(parts)}." if parts else ""


def _remarks(results: Results) -> Iterator[str]:
    yield confidence_line(results)
    yield from map(plain, [*tested.lines(results), control_line(results), *guard_lines(results)])
    if results.undecided:
        yield f"The test split decides nothing: its examples {results.undecided}, so every model scores alike."
    for one in results.recorded:
        yield f"Not measured here: {one.what}, {numbers.percent(one.value)} ({one.source})."
    for stage, file in choose.copies(results).items():
        yield f"{stage} has the content of {file} and is not listed again."
    for profile in results.profiles:
        if profile.skipped:
            yield f"Profile {profile.name} was not measured: {profile.skipped}."
        if profile.same_as:
            yield f"Profile {profile.name} has the threads and cores of {profile.same_as} here: measured once."
    yield from left_out(results)
    for artifact in results.artifacts:
        yield from (f"{artifact.id}: {failure}" for failure in artifact.failures)
    yield from map(str, results.since)


def _check(number: int, check: Check, results: Results) -> dict[str, Any]:
    v = check.verdict
    pair = next((p for p in results.paired if p.artifact == v.artifact and str(p.place) == v.profile), None)
    return {
        "number": number,
        "artifact": v.artifact,
        "metric": v.metric,
        "place": v.profile or "",
        "name": check.name,
        "outcome": check.outcome,
        "baseline": check.baseline,
        "now": check.now,
        "change": _ends(check.change),
        "said": check.said,
        "limit": check.limit,
        "allowed": check.allowed,
        "limits": _ends(check.limits),
        "copy": check.copy,
        "message": v.message,
        "pairs": len(pair.logs) if pair else 0,
        "against": pair.against[:12] if pair else "",
        "preempted": pair.preempted if pair else None,
        "rerun": _rerun(check, results),
    }


def _rerun(check: Check, results: Results) -> str:
    """Return the command that runs this check alone: that of the run, with the name of the check."""
    if not _RERUN.fullmatch(results.command) or " -k " in results.command:
        return ""
    v = check.verdict
    item = f"test_{v.metric}[{v.artifact}{f'-{v.profile}' if v.profile else ''}]"
    return f"{results.command} -k {shlex.quote(item)}" if _KEYWORD.fullmatch(item) else ""


def _latency(results: Results, shown: Sequence[Measured]) -> dict[str, Any]:
    places = choose.measured_places(results)
    first = choose.headline_place(results)
    copies = choose.duplicates(results)
    return {
        "places": [
            {"key": str(place), "words": choose.in_words(place, results)}
            for place in sorted(places, key=lambda place: place != first)
        ],
        "rows": [
            {
                "artifact": a.id,
                "role": "reference" if a.id == results.reference else a.role,
                "place": str(place),
                "p50": m.p50_ms,
                "p90": m.p90_ms,
                "ratio": _ends(m.ratio),
                "samples": m.samples_ms,
            }
            for place in places
            for a in shown
            if (m := choose.timing(a, place)) and any(ms > 0 for ms in m.samples_ms)
        ],
        "paired": [
            {
                "artifact": p.artifact,
                "place": str(p.place),
                "before": np.quantile(p.baseline_ms, np.linspace(0, 1, _QUANTILES)).tolist(),
                "now": np.quantile(p.candidate_ms, np.linspace(0, 1, _QUANTILES)).tolist(),
                "said": numbers.change(p.change),
            }
            for p in results.paired
            if any(ms > 0 for ms in p.baseline_ms) and any(ms > 0 for ms in p.candidate_ms) and p.profile not in copies
        ],
    }


def _scores(a: Measured) -> dict[str, Any]:
    score = a.accuracy
    if score is None:
        return {}
    gain = numbers.negated(score.drop) if score.drop else None
    return {
        "id": a.id,
        "scores": score.scores,
        "change": _ends(gain),
        "said": numbers.pp_change(gain) if gain else "",
        "examples": score.rows,
        "agreement": a.parity.label_agreement if a.parity else None,
        "confusion": score.confusion,
        "entities": score.entities,
    }


def _flips(flips: Any) -> dict[str, Any]:
    sides = (("now wrong", flips.lost_rows), ("now right", flips.won_rows))
    rows = [{"way": way, "row": r.row, "label": r.label, "text": r.text} for way, listed in sides for r in listed]
    return {"artifact": flips.artifact, "against": flips.against, "lost": flips.lost, "won": flips.won, "rows": rows}


def _steps(results: Results) -> Iterator[dict[str, Any]]:
    for step in results.steps:
        first = step.decision == "reference"
        yield {"name": step.name, "decision": step.decision, "strength": None, "seconds": step.seconds} | _compared(
            None if first else step.comparison, step.comparison
        )
        for one in step.tries:
            decision = "accepted" if one.accepted else f"rejected{f': {one.failed}' if one.failed else ''}"
            yield {
                "name": f"{step.name}, attempt",
                "decision": decision,
                "strength": one.strength,
                "seconds": None,
            } | _compared(one.comparison, one.comparison)


def _compared(changed: Comparison | None, scored: Comparison | None) -> dict[str, Any]:
    gain = numbers.negated(changed.as_drop()) if changed else None
    return {
        "value": scored.value if scored else None,
        "change": _ends(gain),
        "said": numbers.pp_change(gain) if gain else "",
        "examples": scored.rows if scored else None,
    }


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    m = results.machine
    yield from (("processor", m.cpu), ("instruction sets", ", ".join(m.flags)), ("usable cores", str(m.cores)))
    yield from (("memory", numbers.mebibytes(m.memory_mib)), ("kernel", m.kernel), ("Python", m.python))
    yield from (("fingerprint", m.fingerprint), ("build command", results.build_command), ("command", results.command))
    yield from sorted(m.versions.items())
    yield from sorted(results.machine_info.items())
    for artifact, figures in results.figures.items():
        yield from ((f"{artifact}: {name}", f"{value:g}") for name, value in figures.items())
    for phone in results.phone:
        yield (
            f"{phone.device}: {phone.artifact}, {choose.length_in_words(phone.length)}",
            f"P50 {numbers.milliseconds(phone.p50_ms)} ms",
        )
