"""``pocketbert phone``: figures that were measured on a real device."""

from pathlib import Path
from typing import Annotated

import typer

from pocketbert.bench.commands.arguments import ResultsFile
from pocketbert.compress.base.commands import Command, echo

phone_app = typer.Typer(no_args_is_help=True, help="Figures from a real phone: the report shows them.")


@phone_app.command("add", cls=Command)
def add(
    results: ResultsFile,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv or .json file with the figures (docs/phone.md).")
    ],
) -> None:
    """Add figures from a device to the results of a run, and write the report again."""
    from pocketbert.bench.records.phone import join
    from pocketbert.bench.records.results import load_results
    from pocketbert.bench.report.page import write_report
    from pocketbert.compress.base.files import write_json

    found = join(load_results(results), file)
    write_json(results, found)
    echo(f"written: {write_report(found, results)}")
