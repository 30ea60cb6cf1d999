"""A build that makes nothing: it follows the cached steps and says which of the others are to do, and why."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.explain import written
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.models.checks import check_types
from pocketbert.compress.pipeline.cache import SOURCES, read_step
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.pipeline.steps.minutes import estimate_s, sizes_of, time_texts
from pocketbert.compress.pipeline.steps.step import TOKENIZER, Build, FinishedStep, Work
from pocketbert.compress.pipeline.steps.teacher import open_teacher
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.tokenizer import load_tokenizer, plain

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

_TEXTS = 64
"""Validation texts that are timed."""


class ToDo(Exception):
    """A step that is not cached; the message is its name."""


class Planned(NamedTuple):
    """A step of a build: why it is to do (empty: it is cached), the seconds it took the last time, scaled to its epochs
    now, and whether they are estimated instead, because it never ran.
    """

    name: str
    why: str
    seconds: float
    estimated: bool


class Plan(Build):
    """A build whose first missing step raises `ToDo`; `why` maps the names of missing steps to the reasons."""

    def __init__(self, recipe: Recipe, root: Path, progress: Progress) -> None:
        super().__init__(recipe, root, progress)
        self.why: dict[str, str] = {}

    def steps(self, rest: str = "") -> list[Planned]:
        """Return all steps of the recipe in their order.

        Args:
            rest: the reason of every step behind the last one of `why`; empty: those steps are cached.

        Raises:
            BadInput: a step never ran, and the model that the recipe names cannot be loaded to estimate its time.
        """
        names = self.recipe.steps
        known = max((names.index(name) for name in self.why if name in names), default=-1)
        why = [self.why.get(name, rest if place > known else "") for place, name in enumerate(names)]
        took = self._last_times()
        new = any(said and seconds is None for said, seconds in zip(why, took, strict=True))
        guessed = self._estimates() if new else [0.0] * len(names)
        return [
            Planned(name, said, guess if seconds is None else seconds, bool(said) and seconds is None)
            for name, said, seconds, guess in zip(names, why, took, guessed, strict=True)
        ]

    def _last_times(self) -> list[float | None]:
        """Return the seconds that each step took the last time, scaled to its epochs now."""
        names = self.recipe.steps
        trained = (self.recipe.teacher, *self.recipe.stages)
        epochs = {name: getattr(table, "epochs", 0) for name, table in zip(names, trained, strict=False)}
        return [_seconds(self.root, name, epochs.get(name, 0)) for name in names]

    def _estimates(self) -> list[float]:
        """Estimate the seconds of each step from the time of some validation texts."""
        model, tokenizer = self._teacher()
        rows = {name: values[:_TEXTS] for name, values in self.texts.splits["validation"].items()}
        inputs = self.texts.task.encode(plain(tokenizer), rows)
        where = f"teacher.model {self.recipe.teacher.model!r}"
        check_types(inputs.types is not None, model.config, where)
        try:
            timed = time_texts(model, inputs, "timing", self.progress)
        except NotFinite as error:
            raise BadInput(f"{where}: {error}") from error
        return estimate_s(self.recipe, model.config, timed.text_s, sizes_of(self.texts))

    def _teacher(self) -> "tuple[PreTrainedModel, Tokenizer]":
        """Load the teacher from the cache, or else the model that the recipe names."""
        if hasattr(self, "teacher"):
            return self.teacher.model(), load_tokenizer(self.teacher.folder / TOKENIZER)
        kept = self.root.parent / SOURCES
        with tempfile.TemporaryDirectory() as empty:
            model, tokenizer = open_teacher(self.recipe, self.texts.task, kept if kept.is_dir() else Path(empty))
        return model, tokenizer.backend_tokenizer

    def make(self, folder: Path, step: Step, work: Work, together: bool) -> NoReturn:
        self.why[step.name] = _why(folder, step)
        raise ToDo(step.name)

    def sweep(self, pattern: str) -> None:
        """Leave everything as it is."""

    def record_decision(self, done: FinishedStep, step: Step) -> FinishedStep:
        return replace(done, step=step)

    def record_outcome(self, first: FinishedStep, best: FinishedStep, tried: list[Try]) -> FinishedStep:
        return best


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
    found = [old for group in ("stages", "ship") if (old := read_step(root / group / name))]
    if not found:
        return None
    before = found[0].parameters.get("epochs") or 0
    return found[0].seconds * (epochs / before if epochs and before else 1)
