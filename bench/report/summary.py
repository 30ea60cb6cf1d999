"""The terminal table of verdicts at the end of a pytest run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from tabulate import tabulate

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.numbers import figure
from pocketbert.bench.report.sections.judged import interval
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
    table = iter(_table(results))
    for text in _before(results, path, baseline):
        yield Line(text)
    for text in (next(table), next(table)):  # the header
        yield Line(text)
    for verdict, text in zip(results.verdicts, table, strict=True):
        yield Line(text, "red" if verdict.fails else "green" if verdict.outcome in ("ok", "improved") else "yellow")
    for text in _after(results, baseline):
        yield Line(text)


def _table(results: Results) -> list[str]:
    rows = [
        [
            f"{v.outcome} !" if v.fails else v.outcome,
            v.metric,
            printable(v.artifact),
            printable(v.profile or ""),
            *(figure(v.metric, value) for value in (v.baseline, v.measured)),
            interval(v),
        ]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/tokens", "baseline", "measured", "interval"]
    aligned = ("left",) * 4 + ("right",) * 3
    lines: list[str] = tabulate(rows, headers=headers, disable_numparse=True, colalign=aligned).splitlines()
    return lines


def _before(results: Results, path: Path, baseline: Path | None) -> Iterator[str]:
    if results.undecided:
        yield printable(f"the test split decides nothing: its rows {results.undecided}, so every model scores alike")
    if baseline is None:
        compared = "only the two interpreters were" if results.other_versions else "nothing was"
        whole = "a run of everything" if results.part else f"pocketbert baseline update {path}"
        yield printable(f"no baseline: {compared} compared; write a baseline with: {whole}")


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
    failing = sum(verdict.fails for verdict in results.verdicts)
    yield f"{len(results.verdicts)} verdicts, {failing} failing; measured in {results.seconds:.0f} s"
