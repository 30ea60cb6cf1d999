"""The command line `pocketbert`: the commands of `pocketbert.compress.cli`, and those about measurements."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pocketbert.compress.base.commands import AsJson, Command
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.processes import termination_raised
from pocketbert.compress.base.quiet import Verbosity
from pocketbert.compress.base.quiet import show as show_output
from pocketbert.compress.base.strict import as_fraction

if TYPE_CHECKING:
    from pocketbert.bench.records.baseline import Baseline
    from pocketbert.bench.records.results import Profile
    from pocketbert.compress.base.folders.lru import Usage

baseline_app = typer.Typer(no_args_is_help=True, help="Show, compare, update or pin the stored baseline.")
cache_app = typer.Typer(no_args_is_help=True, help="Show or prune what builds and gate runs keep.")
Artifacts = Annotated[
    Path, typer.Option("--artifacts-dir", metavar="DIR", help="Folder with one folder of artifacts per recipe.")
]
Reports = Annotated[Path | None, typer.Option("--reports", metavar="DIR", help="Folder of the gate's reports.")]
StoreFolder = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Folder with copies of earlier artifacts.")
]
ResultsFile = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="A results file of a gate run, or the name of its recipe.")
]
BaselineFile = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Baseline file. Default: baselines/<recipe>.json.")
]
Limit = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Largest change against the pinned baseline: 0.1 is +10 %."),
]
PointLimit = Annotated[
    float | None,
    typer.Option(metavar="SHARE", parser=as_fraction, help='Largest drop below the pinned baseline: 0.1 or "10 pp".'),
]


class Listed(StrEnum):
    """What `pocketbert list` can list."""

    STAGES = "stages"
    FORMATS = "formats"
    PRESETS = "presets"
    LOSSES = "losses"
    TASKS = "tasks"
    PROFILES = "profiles"
    RECIPES = "recipes"


def list_names(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List the names that recipes and options use; `pocketbert explain NAME` says more about one of them."""
    from pocketbert.bench.machine.profiles import load_profiles
    from pocketbert.compress.pipeline import reference

    if what is Listed.PROFILES:
        found = {profile.name: _described(profile) for profile in load_profiles()}
    else:
        found = reference.recipes() if what is Listed.RECIPES else reference.LISTS[what]()
    width = max(map(len, found), default=0)
    for name, text in found.items():
        typer.echo(f"{name:<{width}}  {reference.summary(text)}")


def _described(profile: "Profile") -> str:
    if profile.skipped:
        return f"skipped on this machine: {profile.skipped}"
    same = f"; the same as {profile.same_as} on this machine" if profile.same_as else ""
    return f"threads: {profile.threads}; cores: {len(profile.cores)}; tokens: {', '.join(profile.lengths)}{same}"


@baseline_app.command("show", cls=Command)
def show(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="The name or the file of a recipe, or a results file.")
    ],
    baseline: BaselineFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the baseline of a recipe."""
    from pocketbert.bench.records.baseline import describe, load_baseline

    found = load_baseline(baseline or _path(_recipe_name(recipe), None))
    typer.echo(_as_json(found.model_dump(mode="json", by_alias=True)) if as_json else describe(found))


@baseline_app.command("diff", cls=Command)
def diff_baseline(results: ResultsFile, baseline: BaselineFile = None, as_json: AsJson = False) -> None:
    """Print what these results would change in the baseline."""
    from pocketbert.bench.records.baseline import diff, differences

    old, unreadable, new, _ = _change(results, baseline)
    if as_json:
        typer.echo(_as_json([change._asdict() for change in differences(old, new)]))
    else:
        typer.echo(unreadable + diff(old, new))


@baseline_app.command("update", cls=Command)
def update(
    results: ResultsFile,
    baseline: BaselineFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make these results the baseline, after showing what changes."""
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER, diff
    from pocketbert.bench.records.pins import updates_since
    from pocketbert.compress.base.files import write_json

    old, unreadable, new, path = _change(results, baseline)
    typer.echo(unreadable + diff(old, new))
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput(f"{path} not updated: no terminal to confirm. Check the table above and rerun with --yes.")
        typer.confirm(f"rewrite {path}?", abort=True)
    write_json(path, new)
    typer.echo(f"written: {path}")
    for since in updates_since((load_project(Path.cwd()).root or Path.cwd()) / FOLDER, new):
        typer.echo(str(since))


@baseline_app.command("pin", cls=Command)
def pin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the pin, such as a release: v1.")],
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Baseline file. Default: the only one in baselines/."),
    ] = None,
    store: StoreFolder = None,
    latency: Limit = None,
    memory: Limit = None,
    size: Limit = None,
    accuracy: PointLimit = None,
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


@cache_app.command("show", cls=Command)
def show_caches(artifacts: Artifacts = Path("artifacts"), reports: Reports = None, store: StoreFolder = None) -> None:
    """Print the size and the limits of each cache."""
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
        for cache in _caches(artifacts, reports, store)
    ]
    headers = ("cache", "folder", "entries", "size", "oldest", "limits")
    typer.echo(tabulate(rows, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 4)))


@cache_app.command("prune", cls=Command)
def prune_caches(artifacts: Artifacts = Path("artifacts"), reports: Reports = None, store: StoreFolder = None) -> None:
    """Remove what is beyond the limits. Builds and gate runs do the same for their own caches."""
    before, caches = 0, _caches(artifacts, reports, store)
    for cache in caches:
        before += cache.usage.bytes
        cache.prune()
    after = sum(cache.usage.bytes for cache in _caches(artifacts, reports, store))
    typer.echo(f"removed: {(before - after) / 1e6:,.1f} MB; left: {after / 1e6:,.1f} MB")


def _caches(out: Path, reports: Path | None, store: Path | None) -> list[Cache]:
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
    for build in sorted(path.parent for path in out.glob("*/stages") if path.is_dir()):
        limits, unused = (steps.STEPS_LIMIT, steps.STEPS_MAX_AGE_S), partial(steps.prune_unused, build)
        found.append(Cache(f"steps of {build.name}", build, steps.usage(build), *limits, unused))
        scores = partial(reuse.prune, build)
        folder = build / reuse.FOLDER
        found.append(Cache(f"scores of {build.name}", folder, reuse.usage(build), reuse.LIMIT, reuse.MAX_AGE_S, scores))
    sources, limits = out / steps.SOURCES, (steps.SOURCES_LIMIT, steps.SOURCES_MAX_AGE_S)
    found += [
        Cache("builtin models", sources, lru.usage(sources), *limits, partial(lru.prune, sources, *limits)),
        Cache("artifact store", store, kept.usage(), objects.LIMIT, objects.MAX_AGE_S, prune_store),
        Cache("histories", reports, history.usage(reports), history.LIMIT, history.MAX_AGE_S, prune_history),
    ]
    return found


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
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one in recipes/.")],
    rows: Annotated[int, typer.Option(min=1, help="Number of validation examples to use (the first ones).")] = 256,
    artifacts: Artifacts = Path("artifacts"),
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Folder for the heat map and its numbers.")
    ] = Path("reports"),
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key. May be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the drop of accuracy when single heads, layers or FFN parts are removed (ablation).

    Only the teacher is trained, once.
    """
    from pocketbert.compress.cli import settings
    from pocketbert.compress.pipeline.recipe import load_recipe

    checked = load_recipe(recipe, settings(set_ or []))

    from pocketbert.bench.report.sensitivity import show, write
    from pocketbert.compress.base.failures import BUILD_LOG, failures_logged
    from pocketbert.compress.base.progress import Progress
    from pocketbert.compress.base.quiet import quiet
    from pocketbert.compress.pipeline.build import fine_tuned
    from pocketbert.compress.pruning.sensitivity import CALIBRATION_ROWS
    from pocketbert.compress.pruning.sensitivity import sensitivity as measure

    quiet()
    with failures_logged(artifacts / checked.name / BUILD_LOG), Progress() as progress:
        model, context = fine_tuned(checked, artifacts / checked.name, progress)
        calibration, validation = context.labelled.first(CALIBRATION_ROWS), context.validation.first(rows)
        found = measure(model, context.task, calibration, validation, progress)
    typer.echo(_as_json(asdict(found)) if as_json else show(found))
    for path in write(found, reports, checked.name):
        typer.echo(f"written: {path}", err=as_json)


def doctor(as_json: AsJson = False) -> None:
    """Check how small a slow-down this machine can detect, and what to fix (under 1 minute)."""
    from rich.console import Console

    from pocketbert.bench.doctor import examine
    from pocketbert.bench.machine.lock import machine_lock
    from pocketbert.compress.base.progress import Progress

    checks = []
    console = Console(stderr=True)
    with machine_lock(console), Progress(thread=False) as progress:
        for check in examine(progress):
            progress.say(f"{check.name:<12} {check.text}")
            checks.append(check)
    if as_json:
        typer.echo(_as_json([asdict(check) for check in checks]))
        return
    fixes = [f"to fix: {check.name}: {check.fix}" for check in checks if check.fix]
    for line in fixes or ["nothing to fix"]:
        typer.echo(line)


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _recipe_name(given: Path) -> str:
    """Return the name of a recipe that is given by its name, its file or a results file."""
    from pocketbert.bench.records.results import load_results
    from pocketbert.compress.pipeline.recipe import load_recipe, recipe_file

    if given.suffix == ".json":
        return load_results(given).recipe
    file = recipe_file(given)
    return load_recipe(file).name if file.suffix == ".toml" else str(given)


def _results_file(given: Path) -> Path:
    """Return the results file of a recipe, unless `given` is one."""
    from pocketbert.bench.gate.options import DEFAULTS
    from pocketbert.bench.gate.project import load_project
    from pocketbert.compress.base.files import as_typed

    if given.suffix == ".json":
        return given
    project = load_project(Path.cwd())
    reports = project.reports or (project.root or Path.cwd()) / DEFAULTS["reports"]
    return Path(as_typed(reports / f"{_recipe_name(given)}.json"))


def _path(recipe: str, given: Path | None) -> Path:
    from pocketbert.bench.gate.project import load_project
    from pocketbert.bench.records.baseline import FOLDER
    from pocketbert.compress.base.files import as_typed

    if given:
        return given
    project = load_project(Path.cwd())
    return project.baseline or Path(as_typed((project.root or Path.cwd()) / FOLDER / f"{recipe}.json"))


def _change(results: Path, given: Path | None) -> tuple["Baseline | None", str, "Baseline", Path]:
    """Return the old baseline, a remark if it cannot be read, the new baseline, and its path."""
    from pocketbert.bench.records.baseline import load_baseline, make_baseline
    from pocketbert.bench.records.results import load_results

    found = load_results(_results_file(results))
    path = _path(found.recipe, given)
    old, unreadable = None, ""
    if path.exists():
        try:
            old = load_baseline(path)
        except BadInput as refused:
            unreadable = f"the old baseline cannot be read and is replaced, thresholds included: {refused}\n\n"
    return old, unreadable, make_baseline(found, old), path


def every_command() -> typer.Typer:
    """Return the command line with the commands of both packages."""
    from pocketbert.compress.cli import app

    app.add_typer(baseline_app, name="baseline")
    app.add_typer(cache_app, name="cache")
    app.command("report")(report)
    app.command("doctor", cls=Command)(doctor)
    app.command("sensitivity", cls=Command)(sensitivity)
    app.command("list", cls=Command)(list_names)
    return app


def main() -> None:
    """Run the command line.

    Exit codes: 0 success, 1 a check failed, 2 bad input, 3 the machine or a library failed, 130 and 143 interrupted.
    """
    show_output(Verbosity.NORMAL)
    with termination_raised():
        every_command()()
