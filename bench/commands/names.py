"""``pocketbert list``: the names that recipes and options use."""

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
    from pocketbert.bench.machine.profiles import load_profiles
    from pocketbert.compress.pipeline import reference

    if what is Listed.PROFILES:
        found = {profile.name: _described(profile) for profile in load_profiles()}
    else:
        found = reference.recipes() if what is Listed.RECIPES else reference.LISTS[what]()
    for line in reference.lines(found):
        echo(line)


def _described(profile: "Profile") -> str:
    if profile.skipped:
        return f"skipped on this machine: {profile.skipped}"
    same = f"; the same as {profile.same_as} on this machine" if profile.same_as else ""
    return f"threads: {profile.threads}; cores: {len(profile.cores)}; tokens: {', '.join(profile.lengths)}{same}"
