"""A build that makes nothing: it follows the cached steps and says which of the others are to do, and why."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from pocketbert.compress.base.explain import written
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.pipeline.cache import read_step
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.pipeline.steps.step import Build, FinishedStep, Work


class ToDo(Exception):
    """A step that is not cached; the message is its name."""


class Planned(NamedTuple):
    """A step of a build: why it is to do (empty: it is cached), and the seconds it took the last time, if it ran."""

    name: str
    why: str
    seconds: float | None


class Plan(Build):
    """A build whose first missing step raises `ToDo`; `why` maps the names of missing steps to the reasons."""

    def __init__(self, recipe: Recipe, root: Path, progress: Progress) -> None:
        super().__init__(recipe, root, progress)
        self.why: dict[str, str] = {}

    def make(self, folder: Path, step: Step, work: Work, together: bool) -> NoReturn:
        self.why[step.name] = _why(folder, step)
        raise ToDo(step.name)

    def sweep(self, pattern: str) -> None:
        """Leave everything as it is."""

    def record_decision(self, done: FinishedStep, step: Step) -> FinishedStep:
        return replace(done, step=step)

    def record_outcome(self, first: FinishedStep, best: FinishedStep, tried: list[Try]) -> FinishedStep:
        return best


def planned(recipe: Recipe, root: Path, why: Mapping[str, str], rest: str = "") -> list[Planned]:
    """Return all steps of a recipe in their order.

    Args:
        why: name -> reason, of steps that are to do.
        rest: the reason of every step behind the last of these; empty: those steps are cached.
    """
    names = recipe.steps
    known = max((names.index(name) for name in why if name in names), default=-1)
    epochs = {names[0]: recipe.teacher.epochs} | {
        name: getattr(stage, "epochs", 0) for name, stage in zip(names[1:], recipe.stages, strict=False)
    }
    return [
        Planned(name, why.get(name, rest if place > known else ""), _seconds(root, name, epochs.get(name, 0)))
        for place, name in enumerate(names)
    ]


def _why(folder: Path, step: Step) -> str:
    """Say why a step is not cached, by the record that is in its folder."""
    old = read_step(folder)
    if old is None:
        return "a retry at a lower strength" if "~" in folder.name else "never built"
    if old.key == step.key:
        return "its files were changed or removed"
    was, now = old.parameters, step.model_dump(mode="json")["parameters"]
    changed = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    if changed:
        return ", ".join(f"{name}: {written(was.get(name))} -> {written(now.get(name))}" for name in changed)
    return "the data, the model before it, pocketbert or a library changed"


def _seconds(root: Path, name: str, epochs: int) -> float | None:
    """Return the seconds that a step took the last time, scaled to its epochs now."""
    found = [old for group in ("stages", "ship") if (old := read_step(root / group / name))]
    if not found:
        return None
    before = found[0].parameters.get("epochs") or 0
    return found[0].seconds * (epochs / before if epochs and before else 1)
