"""The command line `pocketbert`: the commands of `pocketbert.compress.cli`, and those about measurements."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pocketbert.bench.commands.arguments import ResultsFile, recipe_name, results_file
from pocketbert.bench.commands.compare import compare as compare_runs
from pocketbert.bench.commands.gate import SETTINGS, gate
from pocketbert.bench.commands.init import init
from pocketbert.bench.commands.phone import phone_app
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.processes import termination_raised

if TYPE_CHECKING:
    from pocketbert.bench.records.baseline import Baseline
    from pocketbert.compress.base.folders.lru import Usage

baseline_app = typer.Typer(no_args_is_help=True, help="What the gate holds a run against: baselines/<recipe>.json.")
cache_app = typer.Typer(no_args_is_help=True, help="What builds and gate runs keep: its size, and its limits.")
OneRecipe = Annotated[str | None, typer.Argument(metavar="[RECIPE]", help="A recipe's name or file: its caches alone.")]
Artifacts = Annotated[Path, typer.Option("--out", metavar="DIR", help="folder of artifacts")]
Reports = Annotated[Path | None, typer.Option("--reports", metavar="DIR", help="folder of the gate's reports")]
StoreFolder = Annotated[Path | None, typer.Option("--store", metavar="DIR", help="the gate's artifact store")]
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="default: baselines/<recipe>.json")
]
Limit = Annotated[
    float | None, typer.Option(metavar="SHARE", help="limit of the pinned baseline: 0.1 is +10 % (accuracy: 10 pp)")
]


@baseline_app.command("show")
def show(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A recipe's name or file, or results such as reports/mine.json.")
    ],
    baseline: BaselineFile = None,
) -> None:
    """Print the baseline that the results of a recipe are compared with."""
    from pocketbert.bench.records.baseline import describe, load_baseline
    from pocketbert.bench.records.results import load_results

    name = recipe_name(recipe) or load_results(results_file(recipe)).recipe
    typer.echo(describe(load_baseline(_path(name, baseline))))


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
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER
    from pocketbert.bench.records.pins import updates_since
    from pocketbert.compress.base.files import write_json

    shown, new, path = _change(results, baseline)
    typer.echo(shown)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(f"{path} not updated: no terminal to confirm. Check the table above and rerun with --yes.")
        typer.confirm(f"rewrite {path}?", abort=True)
    write_json(path, new)
    typer.echo(f"written: {path}")
    for since in updates_since((load_project(Path.cwd()).root or Path.cwd()) / FOLDER, new):
        typer.echo(str(since))


@baseline_app.command("pin")
def pin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="such as a release: v1")],
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="default: the only one in baselines/")
    ] = None,
    store: Annotated[Path | None, typer.Option("--store", metavar="DIR", help="the gate's artifact store")] = None,
    latency: Limit = None,
    memory: Limit = None,
    size: Limit = None,
    accuracy: Limit = None,
) -> None:
    """Keep the current baseline with its files, for `--gate-against NAME`; its limits are twice the usual ones."""
    from pocketbert.bench.gate.options import DEFAULTS
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records import pins
    from pocketbert.bench.records.baseline import FOLDER, load_baseline
    from pocketbert.bench.records.store import Store
    from pocketbert.compress.base.files import as_typed

    project = load_project(Path.cwd())
    root = project.root or Path.cwd()
    found = load_baseline(baseline or project.baseline or _only(root / FOLDER))
    path = pins.path_of(root / FOLDER, name, found.recipe)
    given = {"latency": latency, "memory": memory, "size": size, "accuracy": accuracy}
    limits = {metric: limit for metric, limit in given.items() if limit is not None}
    pins.pin(found, path, Store(store or project.store or root / DEFAULTS["store"]), limits)
    typer.echo(f"written: {as_typed(path)}; commit it, and judge against it with: pytest bench --gate-against {name}")


def _only(folder: Path) -> Path:
    """Return the only baseline in the folder."""
    found = sorted(folder.glob("[!.]*.json"))  # a killed update leaves a hidden one
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise BadInput(f"{folder}: which baseline? Name it with --baseline; found: {names}")
    return found[0]


class Cache(NamedTuple):
    """A folder that grows with use, and its limits."""

    name: str
    folder: Path
    usage: "Usage"
    limit: int
    max_age_s: float
    prune: Callable[[], None]


@cache_app.command("show")
def show_caches(
    recipe: OneRecipe = None,
    out: Artifacts = Path("artifacts"),
    reports: Reports = None,
    store: StoreFolder = None,
) -> None:
    """Print what each cache takes, and its limits."""
    from tabulate import tabulate

    from pocketbert.compress.base.files import as_typed
    from pocketbert.compress.base.folders.lru import DAY_S

    rows = [
        (
            cache.name,
            as_typed(cache.folder),
            f"{cache.usage.entries:,}",
            f"{cache.usage.bytes / 1e6:,.1f} MB",
            f"{cache.usage.oldest_s / DAY_S:.0f} days",
            f"{cache.limit / 1e6:,.0f} MB, {cache.max_age_s / DAY_S:.0f} days",
        )
        for cache in _caches(recipe, out, reports, store)
    ]
    headers = ("cache", "folder", "entries", "size", "oldest", "limits")
    typer.echo(tabulate(rows, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 4)))


@cache_app.command("prune")
def prune_caches(
    recipe: OneRecipe = None,
    out: Artifacts = Path("artifacts"),
    reports: Reports = None,
    store: StoreFolder = None,
) -> None:
    """Remove what is beyond the limits; builds and gate runs do the same for their own caches."""
    before, caches = 0, _caches(recipe, out, reports, store)
    for cache in caches:
        before += cache.usage.bytes
        cache.prune()
    after = sum(cache.usage.bytes for cache in _caches(recipe, out, reports, store))
    typer.echo(f"removed: {(before - after) / 1e6:,.1f} MB; left: {after / 1e6:,.1f} MB")


def _caches(recipe: str | None, out: Path, reports: Path | None, store: Path | None) -> list[Cache]:
    """Return every cache; of one recipe its steps and scores alone."""
    from pocketbert.bench.gate.options import DEFAULTS
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records import history, pins, reuse
    from pocketbert.bench.records import store as objects
    from pocketbert.bench.records.baseline import FOLDER
    from pocketbert.compress.base.folders import lru
    from pocketbert.compress.pipeline import cache as steps

    project = load_project(Path.cwd())
    root = project.root or Path.cwd()
    reports = reports or project.reports or root / DEFAULTS["reports"]
    store = store or project.store or root / DEFAULTS["store"]
    kept = objects.Store(store)
    further = [project.baseline] if project.baseline else []

    def prune_history() -> None:
        for path in reports.glob("*.history.jsonl"):
            history.prune(path)

    def prune_store() -> None:
        kept.prune(keep=pins.protected(root / FOLDER, *further))

    found = []
    name = recipe_name(recipe) if recipe else None
    folders = [out / name / "stages"] if name else out.glob("*/stages")
    for build in sorted(path.parent for path in folders if path.is_dir()):
        limits, unused = (steps.STEPS_LIMIT, steps.STEPS_MAX_AGE_S), partial(steps.prune_unused, build)
        found.append(Cache(f"steps of {build.name}", build, steps.usage(build), *limits, unused))
        scores = partial(reuse.prune, build)
        folder = build / reuse.FOLDER
        found.append(Cache(f"scores of {build.name}", folder, reuse.usage(build), reuse.LIMIT, reuse.MAX_AGE_S, scores))
    if recipe:
        if not found:
            raise BadInput(f"{recipe}: no recipe of that name was built in {out}")
        return found
    sources, limits = out / steps.SOURCES, (steps.SOURCES_LIMIT, steps.SOURCES_MAX_AGE_S)
    found += [
        Cache("builtin models", sources, lru.usage(sources), *limits, partial(lru.prune, sources, *limits)),
        Cache("artifact store", store, kept.usage(), objects.LIMIT, objects.MAX_AGE_S, prune_store),
        Cache("histories", reports, history.usage(reports), history.LIMIT, history.MAX_AGE_S, prune_history),
    ]
    return found


def report(results: ResultsFile) -> None:
    """Write the Markdown report of a run again, beside its results file."""
    from pocketbert.bench.records.results import load_results
    from pocketbert.bench.report.page import write_report

    typer.echo(f"written: {write_report(load_results(results), results)}")


def sensitivity(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file: mine, or recipes/mine.toml.")
    ],
    rows: Annotated[int, typer.Option(min=1, help="validation rows, the first so many")] = 256,
    out: Annotated[Path, typer.Option(help="folder of artifacts; the teacher is taken from there")] = Path("artifacts"),
    reports: Annotated[Path, typer.Option(help="the heat map and its numbers go here")] = Path("reports"),
) -> None:
    """Say what each head, layer and FFN of the teacher is worth; nothing is trained but the teacher, once."""
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe)

    from pocketbert.bench.report.sensitivity import show, write
    from pocketbert.compress.base.failures import BUILD_LOG, failures_logged
    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import fine_tuned
    from pocketbert.compress.pruning.sensitivity import CALIBRATION_ROWS
    from pocketbert.compress.pruning.sensitivity import sensitivity as measure

    quiet()
    with failures_logged(out / checked.name / BUILD_LOG), Progress() as progress:
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
    from pocketbert.compress.base.files import as_typed

    if given:
        return given
    project = load_project(Path.cwd())
    return project.baseline or Path(as_typed((project.root or Path.cwd()) / FOLDER / f"{recipe}.json"))


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
    app.add_typer(cache_app, name="cache")
    app.add_typer(phone_app, name="phone")
    app.command("init")(init)
    app.command("gate", context_settings=SETTINGS)(gate)
    app.command("report")(report)
    app.command("compare")(compare_runs)
    app.command("doctor")(doctor)
    app.command("sensitivity")(sensitivity)
    return app


def main() -> None:
    """Run the command line.

    Exit codes: 0 success, 1 a check failed, 2 bad input, 3 the machine or a library failed, 130 and 143 interrupted.
    """
    with termination_raised():
        every_command()()
