"""The state of a build: takes each step from the cache or makes it, records it, and lets the guard decide."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.base.folders import lru
from pocketbert.compress.base.processes import rank, wait
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.texts import Texts, read_texts, tokenize
from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.models.families import positions
from pocketbert.compress.models.sizes import count_macs, count_parameters, count_zeros, encoder_macs
from pocketbert.compress.pipeline.cache import RECORD, SCRATCH, cached, limit_steps, make, write_step
from pocketbert.compress.pipeline.guard import Guard, GuardStopped, describe, held_back
from pocketbert.compress.pipeline.recipe import Recipe
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.rows import Rows, Tokens
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.teacher import Teacher

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Work = Callable[[Path, Path], Step]
"""Fills the first folder, may keep checkpoints in the second; returns the step with what it has measured."""
TOKENIZER = "tokenizer/tokenizer.json"
"""Path of the tokenizer in the folder of every stage."""
RECORDED_BY = ("pocketbert.compress.models.sizes", "pocketbert.compress.training.precision")
"""Modules that `Build.record` computes with: every step that makes a model depends on them."""


@dataclass(frozen=True)
class FinishedStep:
    """A finished step: its folder, its tokenized rows, and its validation logits.

    `read` tokenizes the rows; it is called when they are needed, which is not the case for cached steps.
    """

    step: Step
    folder: Path
    read: Callable[[], Tokens]

    @property
    def tokens(self) -> Tokens:
        """The rows, tokenized by the step's tokenizer."""
        return self.read()

    def with_remarks(self, remarks: Sequence[str]) -> "FinishedStep":
        """Return the step with further remarks."""
        return replace(self, step=self.step.model_copy(update={"remarks": [*self.step.remarks, *remarks]}))

    @property
    def accepted(self) -> bool:
        """Return whether the guard accepted the step."""
        return self.step.decision == "accepted"

    @cached_property
    def logits(self) -> NDArray[np.float32]:
        """Logits on the validation rows, (predictions, labels)."""
        values: NDArray[np.float32] = np.load(self.folder / "validation.npy", allow_pickle=False)
        return values

    def model(self) -> "PreTrainedModel":
        """Load the model from the step's folder."""
        from pocketbert.compress.models.pretrained import load_classifier

        return load_classifier(self.folder / "model")


class Build:
    """The state of one build: recipe, rows, output folder and, once the teacher is trained, the teacher and the guard.

    Raises:
        GuardStopped: by every method that records a decision, if it is a rejection and the recipe says
            ``on_fail = "stop"``.
    """

    teacher: FinishedStep
    guard: Guard

    def __init__(self, recipe: Recipe, root: Path, progress: Progress) -> None:
        self.recipe, self.root, self.progress = recipe, root, progress
        self.texts: Texts = read_texts(recipe.task)
        self.held_back = held_back(recipe.guard, self.texts.splits["validation"]["label"])
        self._tokens: dict[str, Tokens] = {}
        self._visited: set[Path] = set()

    def task_module(self) -> str:
        """Return the full name of the module that defines the recipe's task."""
        return type(self.texts.task).__module__

    def tokens(self, tokenizer_file: Path) -> Tokens:
        """Tokenize the training and validation rows; equal tokenizers share one result."""
        key = digest(tokenizer_file)
        if key not in self._tokens:
            self._tokens[key] = tokenize(self.texts, tokenizer_file)
        return self._tokens[key]

    def typed(self, done: FinishedStep) -> bool:
        """Return whether the rows have token types under the step's tokenizer; one row tells."""
        first = {name: values[:1] for name, values in self.texts.splits["validation"].items()}
        return self.texts.task.encode(load_tokenizer(done.folder / TOKENIZER), first).types is not None

    def set_reference(self, teacher: FinishedStep) -> FinishedStep:
        """Make `teacher` the reference that every later step is compared with; returns it with its comparison."""
        gold = self.texts.splits["validation"]["label"]
        self.guard = Guard(self.recipe.guard, self.texts.task, gold, teacher.logits, self.held_back)
        self.teacher = self.decide(teacher)
        return self.teacher

    def step(
        self, folder: Path, step: Step, work: Work, source: FinishedStep | None = None, together: bool = False
    ) -> FinishedStep:
        """Take the step from the cache, or make it with `work`.

        Args:
            source: the step whose tokenizer and rows it has; None: its tokenizer is in its own folder.
            together: the step may train, which all processes of a build do together.
        """
        self._visited.add(folder)
        wait()
        found = cached(folder, step.key)
        wait()  # otherwise one process would replace files that another still reads
        if found is None:
            found = self.make(folder, step, work, together)
        # Today's rule decides anew; the figures measured then are kept.
        found = found.model_copy(update={"decision": step.decision, "notes": [], "tries": []})
        return FinishedStep(found, folder, source.read if source else lambda: self.tokens(folder / TOKENIZER))

    def make(self, folder: Path, step: Step, work: Work, together: bool) -> Step:
        """Make a step with `work`, and move its results to `folder`."""
        # From here on the manifest of an earlier build describes files that are being replaced.
        (self.root / "manifest.json").unlink(missing_ok=True)
        names = self.recipe.steps
        place = f" (step {names.index(step.name) + 1} of {len(names)})" if step.name in names else ""
        self.progress.say(f"{step.name}: building{place}")
        started = time.monotonic()

        def timed(out: Path, scratch: Path) -> Step:
            return work(out, scratch).model_copy(update={"seconds": round(time.monotonic() - started, 1)})

        made = make(folder, step, self.root / SCRATCH, timed, together)
        for remark in made.remarks:
            self.progress.say(f"  {remark}")
        return made

    def sweep(self, pattern: str) -> None:
        """Remove the folders of attempts that this build did not make; `pattern` is relative to its folder."""
        for folder in self.root.glob(pattern):
            # of another model, or under another rule; what is no step is the user's
            if folder not in self._visited and (folder / RECORD).is_file() and rank() == 0:
                lru.remove(folder)

    def limit(self) -> None:
        """Limit what earlier recipes left in the folder of this build, which is complete."""
        if rank() == 0:
            limit_steps(self.root, self._visited)

    def record(self, model: "PreTrainedModel", step: Step, out: Path) -> Step:
        """Save the model that a step made, and its logits on the validation rows; returns the step with its sizes."""
        from pocketbert.compress.training.precision import exact_logits

        model.save_pretrained(out / "model")
        validation = self.tokens(out / TOKENIZER).validation.inputs
        with self.progress.work(f"{step.name}: evaluating", len(validation)) as bar:
            try:
                logits = exact_logits(model, validation, bar.advance)
            except NotFinite as error:
                raise BadInput(f"{step.name}: {error}") from error
        np.save(out / "validation.npy", logits)
        size = {
            "parameters_left": count_parameters(model),
            "zeros": count_zeros(model),
            "macs_128": count_macs(model),
            "encoder_macs_128": encoder_macs(model.config),
            "positions": positions(model.config),
        }
        return step.model_copy(update={"measured": size})

    def decide(self, done: FinishedStep, reason: str | None = None) -> FinishedStep:
        """Record what the guard decides about a step; a `reason` rejects it in any case."""
        return self.record_decision(done, self.guard.decide(done.step, done.logits, reason))

    def record_decision(self, done: FinishedStep, step: Step) -> FinishedStep:
        """Write `step`, the decision about `done`, to its `stage.json` and print its line."""
        _write_step(done.folder, step)
        line = describe(step, self.recipe.guard.max_drop)
        self.progress.say(line)
        if step.decision == "rolled-back" and self.recipe.guard.on_fail == "stop":
            raise GuardStopped(f"stopped by the guard: {line}")
        return replace(done, step=step)

    def record_outcome(self, first: FinishedStep, best: FinishedStep, tried: list[Try]) -> FinishedStep:
        """Record that the rejected step `first` was replaced by `best` (perhaps itself) after everything `tried`."""
        kept = self.record_decision(best, best.step.model_copy(update={"tries": tried}))
        if best.folder != first.folder:
            notes = [*first.step.notes, f"{best.folder.name} is what became of it"]
            _write_step(first.folder, first.step.model_copy(update={"tries": tried, "notes": notes}))
        return kept

    def context(self, scratch: Path, tokens: Tokens, source: FinishedStep | None = None) -> Context:
        """Assemble the context of a stage that starts from `source`; None for the teacher's own training."""
        context = Context(
            task=self.texts.task,
            train=tokens.train,
            labelled=tokens.labelled,
            validation=self._chosen_on(tokens),
            seed=self.recipe.seed,
            scratch=scratch,
            progress=self.progress,
            tokenize=lambda file: replace(tokens := self.tokens(file), validation=self._chosen_on(tokens)),
        )
        if source is None:
            return context
        step = self.teacher.step
        return replace(
            context,
            teacher=Teacher(self.teacher.folder, step.key, self.teacher.tokens, self.teacher.model, self.progress),
            teacher_macs=step.measured["encoder_macs_128"],
            tokenizer=source.folder / "tokenizer",
        )

    def _chosen_on(self, tokens: Tokens) -> Rows:
        """Return the validation rows that stages see: those that are not held back for the guard."""
        if self.held_back is None:
            return tokens.validation
        return tokens.validation.chosen(np.delete(np.arange(len(tokens.validation.gold)), self.held_back))


def _write_step(folder: Path, step: Step) -> None:
    if rank() == 0:
        write_step(folder, step)
