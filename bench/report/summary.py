"""The terminal table of verdicts at the end of a pytest run."""

from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.numbers import figure
from pocketbert.bench.report.sections.judged import interval
from pocketbert.bench.report.sections.why import summary


def verdict_lines(results: Results, path: Path, baseline: Path | None) -> Iterator[str]:
    """Yield the lines: the table, skipped and duplicate profiles, the evidence, and the baseline's path."""
    rows = [
        [
            f"{v.outcome} !" if v.fails else v.outcome,
            v.metric,
            v.artifact,
            v.profile or "",
            *(figure(v.metric, value) for value in (v.baseline, v.measured)),
            interval(v),
        ]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/tokens", "baseline", "measured", "interval"]
    aligned = ("left",) * 4 + ("right",) * 3
    yield from tabulate(rows, headers=headers, disable_numparse=True, colalign=aligned).splitlines()
    yield ""
    for profile in results.profiles:
        if profile.skipped:
            yield f"profile {profile.name} skipped: {profile.skipped}"
        if profile.same_as:
            yield f"profile {profile.name} is {profile.same_as} on this machine: measured once"
    for why in results.why:
        yield f"inside {why.artifact}: {summary(why)}"
    whole = "a run of everything" if results.part else f"pocketbert baseline update {path}"
    yield f"baseline: {baseline or f'none; write one with: {whole}'}"
    failing = sum(verdict.fails for verdict in results.verdicts)
    yield f"{len(results.verdicts)} verdicts, {failing} failing; weighed in {results.seconds:.0f} s"
