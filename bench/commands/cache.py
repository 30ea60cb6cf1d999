"""``pocketbert cache``: what builds and gate runs keep."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pocketbert.bench.commands.arguments import Reports, StoreFolder, recipe_name
from pocketbert.compress.base.commands import Command, echo
from pocketbert.compress.base.errors import BadInput, listed
from pocketbert.compress.cli import ArtifactsDir

if TYPE_CHECKING:
    from pocketbert.compress.base.folders.lru import Usage

cache_app = typer.Typer(no_args_is_help=True, help="Show or prune what builds and gate runs keep.")
OneRecipe = Annotated[
    str | None, typer.Argument(metavar="[RECIPE]", help="Name or file of a recipe, to see its caches alone.")
]


class Cache(NamedTuple):
    """A folder that grows with use, and its limits."""

    name: str
    folder: Path
    usage: "Usage"
    limit: int
    max_age_s: float
    prune: Callable[[], None]


@cache_app.command("show", cls=Command)
def show_caches(
    recipe: OneRecipe = None,
    artifacts: ArtifactsDir = Path("artifacts"),
    reports: Reports = None,
    store: StoreFolder = None,
) -> None:
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
        for cache in _caches(recipe, artifacts, reports, store)
    ]
    headers = ("cache", "folder", "entries", "size", "oldest", "limits")
    echo(tabulate(rows, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 4)))


@cache_app.command("prune", cls=Command)
def prune_caches(
    recipe: OneRecipe = None,
    artifacts: ArtifactsDir = Path("artifacts"),
    reports: Reports = None,
    store: StoreFolder = None,
) -> None:
    """Delete what is older or larger than the limits. Builds and gate runs do the same for their own caches."""
    before, caches = 0, _caches(recipe, artifacts, reports, store)
    for cache in caches:
        before += cache.usage.bytes
        cache.prune()
    after = sum(cache.usage.bytes for cache in _caches(recipe, artifacts, reports, store))
    echo(f"removed: {(before - after) / 1e6:,.1f} MB; left: {after / 1e6:,.1f} MB")


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
    if recipe and name is None:
        raise BadInput(f"{recipe}: expected the name of a recipe, or its .toml file")
    folders = [out / name / "stages"] if name else out.glob("*/stages")
    for build in sorted(path.parent for path in folders if path.is_dir()):
        limits, unused = (steps.STEPS_LIMIT, steps.STEPS_MAX_AGE_S), partial(steps.prune_unused, build)
        found.append(Cache(f"steps of {build.name}", build, steps.usage(build), *limits, unused))
        scores = partial(reuse.prune, build)
        folder = build / reuse.FOLDER
        found.append(Cache(f"scores of {build.name}", folder, reuse.usage(build), reuse.LIMIT, reuse.MAX_AGE_S, scores))
    if recipe:
        if not found:
            built = listed(sorted(path.parent.name for path in out.glob("*/stages") if path.is_dir()))
            hint = f"built there: {built}" if built else f"pocketbert build {recipe} builds it"
            raise BadInput(f"{recipe}: no recipe of that name was built in {out}; {hint}")
        return found
    sources, limits = out / steps.SOURCES, (steps.SOURCES_LIMIT, steps.SOURCES_MAX_AGE_S)
    found += [
        Cache("builtin models", sources, lru.usage(sources), *limits, partial(lru.prune, sources, *limits)),
        Cache("artifact store", store, kept.usage(), objects.LIMIT, objects.MAX_AGE_S, prune_store),
        Cache("histories", reports, history.usage(reports), history.LIMIT, history.MAX_AGE_S, prune_history),
    ]
    return found
