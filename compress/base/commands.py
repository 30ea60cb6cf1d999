"""What every command of a command line has: options about its output, one line and an exit code at its end."""

import json
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pocketbert.compress.base.errors import BadInput, CheckFailed, MachineFailed, printable
from pocketbert.compress.base.failures import ERROR_LOG, failures_logged
from pocketbert.compress.base.processes import Terminated
from pocketbert.compress.base.quiet import Verbosity, show, shown

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def echo(text: str, err: bool = False) -> None:
    """Print lines; every other control character is escaped, because names and labels come from files."""
    typer.echo("\n".join(map(printable, text.split("\n"))), err=err)


def print_json(value: object) -> None:
    """Print the result of a command as JSON; what a terminal obeys is escaped as JSON escapes it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo("".join(each if each == "\n" or printable(each) == each else json.dumps(each)[1:-1] for each in text))


def _more(wanted: bool) -> None:
    if wanted:
        show(Verbosity.VERBOSE)


def _less(wanted: bool) -> None:
    if wanted:
        show(Verbosity.QUIET)


def _verbosity(
    verbose: Annotated[
        bool,
        typer.Option(
            *("--verbose", "-v"),
            callback=_more,
            help="Also show warnings and log messages of the libraries, and the traceback of a failure.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", callback=_less, help="Show the result alone.")] = False,
) -> None:
    """Declare the options that every command has."""


def _options_of(function: Any) -> list[Any]:
    """Return the options that a function declares; they are parsed, but no function gets their values."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    options = typer.main.get_command(app).params
    for option in options:
        option.expose_value = False
    return options


_SHARED = _options_of(_verbosity)


def _plain(error: Exception) -> Exception:
    """Remove the words of a library from the message of a wrong choice."""
    if isinstance(message := getattr(error, "message", None), str):
        error.message = message.removeprefix("Value error, ")  # type: ignore[attr-defined]
    return error


class Command(TyperCommand):
    """A command, with the options that every command has."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *_SHARED]


class Commands(TyperGroup):
    """The commands, each ended with one line and its exit code by bad input, a failure or an interruption."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *_SHARED]

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the chosen command."""
        try:
            with failures_logged(ERROR_LOG):
                try:
                    return super().invoke(ctx)
                except Exception as error:
                    if not (isinstance(error, typer.Abort) or hasattr(error, "exit_code")):  # typer's own
                        raise
                    outcome = _plain(error)
            raise outcome
        except CheckFailed as failed:
            line, code = str(failed), 1
        except BadInput as refused:
            line, code = str(refused), 2
        except MachineFailed as broken:
            line, code = str(broken), 3
            if shown() is Verbosity.VERBOSE:
                traceback.print_exception(broken.__cause__)
        except KeyboardInterrupt:
            line, code = "interrupted", 130
        except Terminated as asked:
            line, code = "terminated", 128 + asked.signal
        typer.echo(f"pocketbert: {line}", err=True)
        raise typer.Exit(code)
