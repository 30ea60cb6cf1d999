"""The command line `pocketbert`: the commands of `pocketbert.compress.cli`, and those about measurements."""

import typer

from pocketbert.bench.commands.arguments import ResultsFile
from pocketbert.bench.commands.baseline import baseline_app
from pocketbert.bench.commands.cache import cache_app
from pocketbert.bench.commands.compare import compare
from pocketbert.bench.commands.doctor import doctor
from pocketbert.bench.commands.gate import SETTINGS, gate
from pocketbert.bench.commands.init import init
from pocketbert.bench.commands.names import explain, list_names
from pocketbert.bench.commands.phone import phone_app
from pocketbert.bench.commands.sensitivity import sensitivity
from pocketbert.compress.base.commands import Command, echo
from pocketbert.compress.base.processes import termination_raised
from pocketbert.compress.base.quiet import Verbosity, show


def report(results: ResultsFile) -> None:
    """Write the pages of a run again, next to its results file: Markdown, pull-request comment and HTML."""
    from pocketbert.bench.records.results import load_results
    from pocketbert.bench.report.page import write_report

    echo(f"written: {write_report(load_results(results), results)}")


def every_command() -> typer.Typer:
    """Return the command line with the commands of both packages."""
    from pocketbert.compress.cli import app

    app.add_typer(baseline_app, name="baseline")
    app.add_typer(cache_app, name="cache")
    app.add_typer(phone_app, name="phone")
    app.command("init", cls=Command)(init)
    app.command("gate", context_settings=SETTINGS)(gate)
    app.command("report", cls=Command)(report)
    app.command("compare", cls=Command)(compare)
    app.command("doctor", cls=Command)(doctor)
    app.command("sensitivity", cls=Command)(sensitivity)
    app.command("list", cls=Command)(list_names)
    app.command("explain", cls=Command)(explain)
    return app


def main() -> None:
    """Run the command line.

    Exit codes: 0 success, 1 a check failed, 2 bad input, 3 the machine or a library failed, 130 and 143 interrupted.
    """
    show(Verbosity.NORMAL)
    with termination_raised():
        every_command()()
