"""The terminal table of verdicts at the end of a pytest run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from tabulate import tabulate

from pocketbert.bench.records.results import Results, Verdict
from pocketbert.bench.report.checks import Check, checks, counted, why_copies
from pocketbert.bench.report.format import numbers
from pocketbert.bench.report.sections.lead import confidence_line
from pocketbert.bench.report.sections.why import summary
from pocketbert.bench.verdicts.items import left_out
from pocketbert.compress.base.errors import printable

Colour = Literal["red", "yellow", "green"]


class Line(NamedTuple):
    """A line of the terminal, and its colour; None: the terminal's own."""

    text: str
    colour: Colour | None = None


def verdict_lines(results: Results, path: Path, baseline: Path | None) -> Iterator[Line]:
    """Yield the lines: whether anything was compared, the table, what was left out, the evidence, the baseline."""
    for text in _before(results, path, baseline):
        yield Line(text)
    found = checks(results)
    yield from _table(found)
    for text in (*filter(None, [confidence_line(results)]), *_after(results, baseline)):
        yield Line(text)
    if any(numbers.TIMES in f"{check.baseline}{check.now}" for check in found):
        yield Line("latency with × is a multiple of the teacher's P50, timed in turn with it")
    for reason in filter(None, why_copies(found).split("; ")):
        yield Line(printable(f"not repeated: {reason}"))
    failing = sum(verdict.fails for verdict in results.verdicts)
    yield Line(
        f"{counted(found) or 'nothing was checked'}; {failing} failing; measured in {numbers.duration(results.seconds)}"
    )


def _table(found: Sequence[Check]) -> Iterator[Line]:
    """Yield the header, and per file its name and its checks, failing ones first; copies are left out."""
    real = [check for check in found if not check.copy]
    by_file = [
        c for file in dict.fromkeys(c.verdict.artifact for c in real) for c in real if c.verdict.artifact == file
    ]
    rows = [[_marked(c.verdict), _item(c), c.baseline, c.now, c.said, c.allowed] for c in by_file]
    headers = ["verdict", "check", "baseline", "now", "change (95 % CI)", "limit"]
    aligned = ("left", "left", *["right"] * 4)
    lines: list[str] = tabulate(rows, headers=headers, disable_numparse=True, colalign=aligned).splitlines()
    for text in lines[:2]:
        yield Line(f"  {text}")
    shown = None
    for check, text in zip(by_file, lines[2:], strict=True):
        v = check.verdict
        if v.artifact != shown:
            yield Line(printable(v.artifact))
        shown = v.artifact
        yield Line(f"  {text}", "red" if v.fails else "green" if v.outcome in ("ok", "improved") else "yellow")


def _marked(verdict: Verdict) -> str:
    return f"{verdict.outcome} !" if verdict.fails else verdict.outcome


def _item(check: Check) -> str:
    """Return the name of the check, short enough for 100 columns: latency has its profile and length as in `-k`."""
    verdict = check.verdict
    if verdict.metric != "latency":
        return check.name
    return printable(f"{' '.join(check.name.split(',')[0].split()[:2])} {verdict.profile or ''}".strip())


def _before(results: Results, path: Path, baseline: Path | None) -> Iterator[str]:
    if results.undecided:
        yield printable(f"the test split decides nothing: its rows {results.undecided}, so every model scores alike")
    if baseline is None:
        compared = "only the two interpreters were" if results.other_versions else "nothing was"
        named = results.recipe if path == Path("reports", f"{results.recipe}.json") else path
        way = f"write a baseline with: pocketbert baseline update {named}"
        if results.part:
            way = "a baseline needs a run without -k and -m"
        yield printable(f"no baseline: {compared} compared; {way}")


def _after(results: Results, baseline: Path | None) -> Iterator[str]:
    yield ""
    for profile in results.profiles:
        if profile.skipped:
            yield printable(f"profile {profile.name} skipped: {profile.skipped}")
        if profile.same_as:
            yield printable(f"profile {profile.name} is {profile.same_as} on this machine: measured once")
    for words in left_out(results):
        yield printable(f"left out: {words}")
    for why in results.why:
        yield printable(f"inside {why.artifact}: {summary(why)}")
    if baseline:
        yield printable(f"baseline: {baseline}")
    for found in results.since:
        yield printable(str(found))
