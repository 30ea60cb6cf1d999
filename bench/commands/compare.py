"""``pocketbert compare``: what changed from one run of the gate to another, and whether it is within limits."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pocketbert.bench.commands.arguments import results_file
from pocketbert.compress.base.commands import AsJson, echo, print_json
from pocketbert.compress.base.errors import CheckFailed, printable

if TYPE_CHECKING:
    from pocketbert.bench.report.differences import Difference, Differences

_Results = "A recipe's name, or a results file such as reports/mine.json."


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", parser=results_file, help=f"The earlier run. {_Results}")],
    now: Annotated[Path, typer.Argument(metavar="B", parser=results_file, help="The later run.")],
    fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=LIMIT",
            help="Exit with 1 if an exported file is worse by more, with its whole 95 % CI: latency=3%, memory=5%, "
            "size=1%, accuracy=1pp. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: print what changed in the exported files, and write a Markdown page next to B."""
    from pocketbert.bench.records.results import load_results
    from pocketbert.bench.report.comparison import write_comparison
    from pocketbert.bench.report.differences import Differences
    from pocketbert.bench.report.limits import beyond, read_limits

    limits = read_limits(fail or [])
    was, today = load_results(before), load_results(now)
    page = write_comparison(before, now, was, today)
    found = Differences(was, today)
    if as_json:
        print_json([_as_json(d) for each in found.by_artifact.values() for d in each])
    else:
        echo(_table(found))
    echo(f"written: {page}", err=as_json)
    if lost := beyond(found, limits):
        for each in lost:
            echo(f"beyond the limit: {each}", err=True)
        raise CheckFailed(f"{now}: figures that are worse than in {before} by more than --fail allows: {len(lost)}")


def _table(found: "Differences") -> str:
    from tabulate import tabulate

    headers = ("file", "figure", "first", "second", "change")
    sides = ("left", "left", *["right"] * 3)
    return str(tabulate(list(_rows(found)), headers, disable_numparse=True, colalign=sides))


def _rows(found: "Differences") -> Iterator[tuple[str, ...]]:
    from pocketbert.bench.report.format import numbers

    names = {"latency": "× teacher's P50", "deflated": "compressed size", "memory": "model memory"}
    for _, now in found.pairs:
        for d in found.by_artifact[now.id] if now.role == "ship" else ():
            name = f"{names.get(d.quantity, d.quantity)} {d.place or ''}".strip()
            figures = (numbers.figure(d.quantity, value) for value in (d.was, d.now))
            yield printable(now.id), printable(name), *figures, _change(d)


def _change(d: "Difference") -> str:
    from pocketbert.bench.report.format import numbers

    if d.change is None:
        return "not comparable"
    said = (numbers.pp_change if d.quantity == "accuracy" else numbers.change)(d.change)
    return f"{said} worse" if d.worse else said


def _as_json(d: "Difference") -> dict[str, Any]:
    return {
        "artifact": d.artifact,
        "quantity": d.quantity,
        "place": str(d.place) if d.place else None,
        "first": d.was,
        "second": d.now,
        "change": d.change.model_dump() if d.change else None,
        "worse": d.worse,
    }
