"""``pocketbert gate``: pytest on the gate's own tests, in any folder."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.bench.commands.arguments import manifest_file
from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    import pytest

NOTHING_RUN = 5
"""Exit code of pytest: no test was left to run."""
INTERRUPTED = 2
"""Exit code of pytest: Ctrl-C, or a test file that cannot be imported."""
EXIT_CODES = {4: 2, NOTHING_RUN: 1}
"""Exit codes of pytest that mean something else for `pocketbert`: bad input, and nothing was measured."""
_COLUMNS = "--benchmark-columns=median,iqr,rounds"  # all of them are wider than most terminals
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Everything after the recipe is pytest's."""


def gate(
    context: typer.Context,
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="A recipe's name or file that was built, or a manifest.json."),
    ],
) -> None:
    """Measure what a recipe exports and compare it with the baseline. Options after RECIPE are pytest's.

    The first run of a recipe: pocketbert gate RECIPE --gate-first-run. All options: pytest --help.
    """
    if recipe.startswith("-"):
        raise BadInput(f"{recipe}: write the recipe first, then pytest's options: pocketbert gate mine {recipe}")
    if "--help" in context.args:
        typer.echo(context.get_help())
        return
    raise typer.Exit(run(manifest_file(recipe), context.args))


class CtrlC:
    """A plug-in of pytest that remembers whether the run was interrupted."""

    seen = False

    def pytest_keyboard_interrupt(self, excinfo: "pytest.ExceptionInfo[BaseException]") -> None:
        # pytest raises a subclass for a file that cannot be imported. During a measurement our plug-in ends the run,
        # with this code.
        self.seen |= excinfo.type is KeyboardInterrupt or getattr(excinfo.value, "returncode", None) == INTERRUPTED


def run(manifest: Path, options: list[str]) -> int:
    """Run pytest on the gate's tests; returns the exit code of `pocketbert`.

    The tests are named as a package, so a folder `bench` or `tests` of the user's is not taken for them.
    """
    import pytest

    from pocketbert.bench.gate.project import load_project

    given = [option.partition("=")[0] for option in options]
    here = [] if load_project(Path.cwd()).root or "--rootdir" in given else ["--rootdir=."]
    needed = ["-p", "pocketbert", "-p", "benchmark"] if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") else []
    # As in `pytest bench`: pytest calls an exception of ours an internal error, and the plugin ends a run in one line.
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        tests = ("--pyargs", "pocketbert.bench")
        arguments = [*needed, *tests, *here, _COLUMNS, f"--gate-manifest={manifest}", *options]
        code = int(pytest.main(arguments, plugins=[interrupted := CtrlC()]))
    finally:
        signal.signal(signal.SIGTERM, before)
    if code == NOTHING_RUN:
        typer.echo(
            "pocketbert: nothing was measured: the given -k, -m, test ids or python_files leave no check", err=True
        )
    if code == INTERRUPTED and interrupted.seen:
        return 130
    return EXIT_CODES.get(code, code)
