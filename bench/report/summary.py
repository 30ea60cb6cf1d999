"""The terminal table of verdicts at the end of a pytest run."""

from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.checks import checks, counted
from pocketbert.bench.report.sections.why import summary
from pocketbert.bench.verdicts.items import left_out
from pocketbert.compress.base.errors import printable


def verdict_lines(results: Results, path: Path, baseline: Path | None) -> Iterator[str]:
    """Yield the lines: whether anything was compared, the table, what was left out, the evidence, the baseline."""
    found = checks(results)
    rows = [
        [
            f"{check.verdict.outcome} !" if check.verdict.fails else check.verdict.outcome,
            printable(check.verdict.artifact),
            printable(check.name),
            check.baseline,
            check.now,
            check.said,
            check.allowed,
        ]
        for check in found
        if not check.copy
    ]
    if results.undecided:
        yield printable(
            f"the test split decides nothing: its examples {results.undecided}, so every model scores alike"
        )
    if baseline is None:
        compared = "only the two interpreters were" if results.other_versions else "nothing was"
        whole = "a run of everything" if results.part else f"pocketbert baseline update {path}"
        yield printable(f"no baseline: {compared} compared; write a baseline with: {whole}")
    headers = ["verdict", "artifact", "check", "baseline", "now", "change (95 % CI)", "limit"]
    aligned = ("left",) * 3 + ("right",) * 4
    yield from tabulate(rows, headers=headers, disable_numparse=True, colalign=aligned).splitlines()
    yield ""
    for profile in results.profiles:
        if profile.skipped:
            yield printable(f"profile {profile.name} skipped: {profile.skipped}")
        if profile.same_as:
            yield printable(f"profile {profile.name} is the same as {profile.same_as} on this machine: measured once")
    for words in left_out(results):
        yield printable(f"left out: {words}")
    for why in results.why:
        yield printable(f"inside {why.artifact}: {summary(why)}")
    if baseline:
        yield printable(f"baseline: {baseline}")
    for found in results.since:
        yield printable(str(found))
    yield f"{counted(found) or 'nothing was compared'}; measured in {results.seconds:.0f} s"
