"""How any step of a build comes to be: looked up in the cache or made, recorded, and judged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compress.cache import cached, make
from compress.data import Texts, Tokens, read_texts, tokenize
from compress.files import write_json
from compress.guard import Guard, describe
from compress.manifest import Step, Try
from compress.processes import rank, wait
from compress.progress import Progress
from compress.recipe import Recipe
from compress.size import count_macs, count_parameters, encoder_macs
from compress.stages import Context
from compress.tasks.encoding import predict
from compress.teacher import Teacher

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Work = Callable[[Path, Path], Step]
"""(folder to fill, folder for what is under way) -> the step, as far as it is known then."""
Kept = dict[tuple[str, str], Any]
TOKENIZER = "tokenizer/tokenizer.json"
"""In the folder of every stage."""


@dataclass(frozen=True)
class Done:
    """A step that stands: where it lies, the rows as its tokenizer cuts them, and what it said to the validation
    rows.
    """

    step: Step
    folder: Path
    tokens: Tokens

    @property
    def logits(self) -> NDArray[np.float32]:
        values: NDArray[np.float32] = np.load(self.folder / "validation.npy", allow_pickle=False)
        return values

    def model(self) -> "PreTrainedModel":
        from compress.modeling import load_classifier

        return load_classifier(self.folder / "model")


class Workbench:
    """A recipe, its rows, the folder it is built in; once there is one, the teacher, and the guard that asks every step
    for it.
    """

    teacher: Done
    guard: Guard

    def __init__(self, recipe: Recipe, root: Path, progress: Progress) -> None:
        self.recipe, self.root, self.progress = recipe, root, progress
        self.texts: Texts = read_texts(recipe)

    def take(self, teacher: Done) -> Done:
        """Make `teacher` the yardstick; returns it judged."""
        self.teacher = teacher
        gold = teacher.tokens.validation.gold
        self.guard = Guard(self.recipe.guard, self.texts.task, gold, teacher.logits)
        self.teacher = self.judge(teacher)
        return self.teacher

    def step(self, folder: Path, step: Step, work: Work, tokens: Tokens | None = None, together: bool = False) -> Done:
        """The step as an earlier build left it, or made now; its rows are `tokens`, or cut by its own tokenizer.

        `together`: it may train, which all processes of a build do.
        """
        wait()
        found = cached(folder, step.key)
        wait()  # or one process would replace what another still has to look at
        if found is None:
            # From here on the manifest of an earlier build speaks of files that are being replaced.
            (self.root / "manifest.json").unlink(missing_ok=True)
            self.progress.say(f"{step.name}: building")
            started = time.monotonic()

            def timed(out: Path, scratch: Path) -> Step:
                return work(out, scratch).model_copy(update={"seconds": round(time.monotonic() - started, 1)})

            found = make(folder, step, self.root / ".scratch", timed, together)
            for remark in found.remarks:
                self.progress.say(f"  {remark}")
        # What was decided then does not bind today's rule; what was measured then stands.
        found = found.model_copy(update={"decision": step.decision, "notes": [], "tries": []})
        return Done(found, folder, tokens or tokenize(self.texts, folder / TOKENIZER))

    def record(self, model: "PreTrainedModel", step: Step, out: Path, tokens: Tokens) -> Step:
        """Save what a step made, and its logits on the validation rows."""
        from compress.runtimes.torch import TorchSession

        model.save_pretrained(out / "model")
        validation = tokens.validation.inputs
        with self.progress.work(f"{step.name}: evaluating", len(validation)) as bar:
            logits = predict(TorchSession(model).logits, validation, tokens.padding, progress=bar.advance)
        np.save(out / "validation.npy", logits)
        size = {
            "parameters_left": count_parameters(model),
            "macs_128": count_macs(model),
            "encoder_macs_128": encoder_macs(model.config),
        }
        return step.model_copy(update={"measured": size})

    def judge(self, done: Done, reason: str | None = None) -> Done:
        """Record and say what the guard decides."""
        return self.keep(replace(done, step=self.guard.judge(done.step, done.logits, reason)))

    def keep(self, done: Done) -> Done:
        write_step(done.folder, done.step)
        self.progress.say(describe(done.step, self.recipe.guard.max_drop))
        return done

    def settle(self, first: Done, best: Done, tried: list[Try]) -> Done:
        """Record what became of the rejected `first`: `best`, or itself, with everything that was `tried`."""
        kept = self.keep(replace(best, step=best.step.model_copy(update={"tries": tried})))
        if best.folder != first.folder:
            notes = [*first.step.notes, f"{best.folder.name} is what became of it"]
            write_step(first.folder, first.step.model_copy(update={"tries": tried, "notes": notes}))
        return kept

    def context(self, scratch: Path, tokens: Tokens, source: Done | None = None, kept: Kept | None = None) -> Context:
        """What a stage may use; `source` is what it is given, None for the teacher's own training."""
        context = Context(
            task=self.texts.task,
            train=tokens.train,
            labelled=tokens.labelled,
            validation=tokens.validation,
            padding=tokens.padding,
            kept={} if kept is None else kept,
            seed=self.recipe.seed,
            scratch=scratch,
            progress=self.progress,
        )
        if source is None:
            return context
        return replace(
            context,
            teacher=Teacher(self.teacher.folder, self.teacher.tokens, self.teacher.model, self.progress),
            teacher_macs=self.teacher.step.measured["encoder_macs_128"],
            tokenizer=source.folder / "tokenizer",
        )


def write_step(folder: Path, step: Step) -> None:
    """Write `stage.json`."""
    if rank() == 0:
        write_json(folder / "stage.json", step)
