"""The command line `pocketbert`: the commands of `pocketbert.compress.cli`, and those about measurements."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.bench.records.baseline import Baseline

baseline_app = typer.Typer(no_args_is_help=True, help="What the gate holds a run against: baselines/<recipe>.json.")
ResultsFile = Annotated[Path, typer.Argument(metavar="RESULTS.json", help="written by: pytest bench")]
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="default: baselines/<recipe>.json")
]


@baseline_app.command("show")
def show(results: ResultsFile, baseline: BaselineFile = None) -> None:
    """Print the baseline that these results are held against."""
    from pocketbert.bench.records.baseline import describe, load_baseline
    from pocketbert.bench.records.results import load_results

    typer.echo(describe(load_baseline(_path(load_results(results).recipe, baseline))))


@baseline_app.command("diff")
def compare(results: ResultsFile, baseline: BaselineFile = None) -> None:
    """Print what these results would change in the baseline."""
    typer.echo(_change(results, baseline)[0])


@baseline_app.command("update")
def update(
    results: ResultsFile,
    baseline: BaselineFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Make these results the baseline, after showing what changes."""
    from pocketbert.compress.base.files import write_json

    shown, new, path = _change(results, baseline)
    typer.echo(shown)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(f"{path} not updated: no terminal to confirm. Check the table above and rerun with --yes.")
        typer.confirm(f"rewrite {path}?", abort=True)
    write_json(path, new)
    typer.echo(f"written: {path}")


def report(
    results: ResultsFile,
    other: Annotated[
        Path | None, typer.Argument(metavar="OTHER.json", help="compare: the later run, held against the first")
    ] = None,
    phone: Annotated[
        Path | None, typer.Option("--phone", metavar="FILE", help="figures from a real device (docs/phone.md)")
    ] = None,
) -> None:
    """Draw the Markdown report of a results file beside it; of two, what changed from the first to the second."""
    from pocketbert.bench.records.results import load_results
    from pocketbert.bench.report.comparison import write_comparison
    from pocketbert.bench.report.page import write_report

    if other and phone:
        raise BadInput("--phone is for one results file; leave OTHER.json out")
    found = load_results(results)
    if phone:
        from pocketbert.bench.records.phone import join
        from pocketbert.compress.base.files import write_json

        found = join(found, phone)
        write_json(results, found)
    if other:
        typer.echo(f"written: {write_comparison(results, other, found, load_results(other))}")
    else:
        typer.echo(f"written: {write_report(found, results)}")


def sensitivity(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/offline.toml.")],
    rows: Annotated[int, typer.Option(min=1, help="validation rows, the first so many")] = 256,
    out: Annotated[Path, typer.Option(help="folder of artifacts; the teacher is taken from there")] = Path("artifacts"),
    reports: Annotated[Path, typer.Option(help="the heat map and its numbers go here")] = Path("reports"),
) -> None:
    """Say what each head, layer and FFN of the teacher is worth; nothing is trained but the teacher, once."""
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe)

    from pocketbert.bench.report.sensitivity import show, write
    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import fine_tuned
    from pocketbert.compress.pruning.sensitivity import CALIBRATION_ROWS
    from pocketbert.compress.pruning.sensitivity import sensitivity as measure

    quiet()
    with Progress() as progress:
        model, context = fine_tuned(checked, out / checked.name, progress)
        calibration, validation = context.labelled.first(CALIBRATION_ROWS), context.validation.first(rows)
        found = measure(model, context.task, calibration, validation, progress)
    typer.echo(show(found))
    for path in write(found, reports, checked.name):
        typer.echo(f"written: {path}")


def doctor() -> None:
    """Say what this machine can settle, and what to mend; less than a minute."""
    from rich.console import Console

    from pocketbert.bench.doctor import examine
    from pocketbert.bench.machine.lock import machine_lock
    from pocketbert.compress.base.progress import Progress

    fixes = []
    console = Console(stderr=True)
    with machine_lock(console), Progress(thread=False) as progress:
        for check in examine(progress):
            progress.say(f"{check.name:<12} {check.text}")
            if check.fix:
                fixes.append(f"{check.name}: {check.fix}")
    for fix in fixes:
        typer.echo(f"to mend: {fix}")
    if not fixes:
        typer.echo("nothing to mend")


def _path(recipe: str, given: Path | None) -> Path:
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER

    return given or load_project(Path.cwd()).baseline or FOLDER / f"{recipe}.json"


def _change(results: Path, given: Path | None) -> tuple[str, "Baseline", Path]:
    """Return the changes as a table, the new baseline, and its path."""
    from pocketbert.bench.records.baseline import diff, load_baseline, make_baseline
    from pocketbert.bench.records.results import load_results

    found = load_results(results)
    path = _path(found.recipe, given)
    old, unreadable = None, ""
    if path.exists():
        try:
            old = load_baseline(path)
        except BadInput as refused:
            unreadable = f"the old baseline cannot be read and is replaced, thresholds included: {refused}\n\n"
    new = make_baseline(found, old)
    return unreadable + diff(old, new), new, path


def every_command() -> typer.Typer:
    """Return the command line with the commands of both packages."""
    from pocketbert.compress.cli import app

    app.add_typer(baseline_app, name="baseline")
    app.command("report")(report)
    app.command("doctor")(doctor)
    app.command("sensitivity")(sensitivity)
    return app


def main() -> None:
    """Run the command line; exit codes: 0 success, 1 a gate failed, 2 bad input, 130 interrupted."""
    app = every_command()
    try:
        app()
    except BadInput as refused:
        print(f"pocketbert: {refused}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # such as a full or read-only disk
        print(f"pocketbert: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
