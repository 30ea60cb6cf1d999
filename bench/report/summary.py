"""The table of verdicts at the end of a pytest run."""

from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from pocketbert.bench.records.results import Results, Verdict
from pocketbert.bench.report.sections.judged import figure, interval
from pocketbert.bench.report.sections.why import summary


def verdict_lines(results: Results, path: Path, baseline: Path | None) -> Iterator[str]:
    """The table, then what was skipped or shared, then what the verdicts were held against."""
    rows = [
        [_mark(v), v.metric, v.artifact, v.profile or "", figure(v, v.baseline), figure(v, v.measured), interval(v)]
        for v in results.verdicts
    ]
    headers = ["verdict", "metric", "artifact", "profile/tokens", "baseline", "measured", "interval"]
    yield from tabulate(
        rows, headers=headers, disable_numparse=True, colalign=("left",) * 4 + ("right",) * 3
    ).splitlines()
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


def _mark(verdict: Verdict) -> str:
    return f"{verdict.outcome} !" if verdict.fails else verdict.outcome
