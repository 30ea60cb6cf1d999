"""``pocketbert list`` and ``pocketbert explain``: the names that recipes and options use."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pocketbert.compress.base.commands import echo

if TYPE_CHECKING:
    from pocketbert.bench.records.results import Profile


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
    from pocketbert.compress.pipeline import reference
    from pocketbert.compress.pipeline.recipe import FOLDER

    if what is Listed.PROFILES:
        found = _profiles()
    else:
        found = reference.recipes() if what is Listed.RECIPES else reference.LISTS[what]()
    if what is Listed.RECIPES and not found:
        echo(f"no recipe in {FOLDER}/; pocketbert init NAME --model MODEL --data DATA writes one")
    for line in reference.lines(found):
        echo(line)


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A stage, format, preset, loss, task, profile, recipe or key: prune-width, guard.max_drop.",
        ),
    ],
) -> None:
    """Explain a name that recipes or options use: what it does, and its keys with their defaults."""
    from pocketbert.compress.pipeline import reference

    echo(reference.explain(name, {**_profiles(), **reference.recipes()}))


def _profiles() -> dict[str, str]:
    from pocketbert.bench.machine.profiles import load_profiles

    return {profile.name: _described(profile) for profile in load_profiles()}


def _described(profile: "Profile") -> str:
    if profile.skipped:
        return f"skipped on this machine: {profile.skipped}"
    same = f"; the same as {profile.same_as} on this machine" if profile.same_as else ""
    return f"threads: {profile.threads}; cores: {len(profile.cores)}; tokens: {', '.join(profile.lengths)}{same}"
