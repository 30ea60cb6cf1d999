"""Speed of pocketbert's trainings against a bare PyTorch loop, in examples per second.

`python -m studies.bare_loop` fine-tunes the teacher of `recipes/offline.toml` and distils the recipe's student, each by
the functions that the stages call, and by a loop of forward pass, loss, backward pass and AdamW alone. Both have the
same batches, order and precision, on a GPU if there is one, and write no checkpoint. They alternate in two rounds, of
which the median counts, without the first step. On one CPU thread, CPU time counts, not what other processes take.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from accelerate.utils import send_to_device
from torch import Tensor
from transformers import PreTrainedModel

from pocketbert.compress.base.progress import Progress, Work
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import read_texts, tokenize
from pocketbert.compress.models.pretrained import load_teacher
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.stages import distill
from pocketbert.compress.tasks.rows import Tokens
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.distil import Distillation, distil
from pocketbert.compress.training.distillation.student import build
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.losses.distillation import distillation
from pocketbert.compress.training.precision import autocast, fastest_device, has_bf16
from pocketbert.compress.training.settings import Schedule
from pocketbert.compress.training.teacher import Teacher
from pocketbert.compress.training.trainer import Examples, LossFunction, _ByLength, train
from studies.shared.clock import now
from studies.shared.page import markdown_table

Training = Callable[[PreTrainedModel], None]
_ROWS, _BATCH, _ROUNDS = 256, 32, 2


class _Clock(Progress):
    """Notes when each step of the latest training ended, in seconds."""

    @contextmanager
    def work(self, description: str, total: float) -> Iterator[Work]:
        self.ticks = list[float]()
        with super().work(description, total) as work:
            shown = work.advance

            def advance(amount: float = 1.0) -> None:
                shown(amount)
                if amount:  # 0 at the start: the steps of a checkpoint
                    self.ticks.append(now())

            work.advance = advance  # type: ignore[method-assign]
            yield work


@patch("pocketbert.compress.training.trainer._SAVE_EVERY", float("inf"))
def main() -> None:
    """Print the table."""
    quiet()
    recipe = load_recipe(Path("recipes/offline.toml"))
    texts = read_texts(recipe.task)
    model, tokenizer = load_teacher(recipe.teacher.model, texts.task.labels, Path("artifacts/.sources"))
    with TemporaryDirectory() as name, _Clock(thread=False) as clock:
        tokenizer.save_pretrained(name)
        every = tokenize(texts, Path(name) / "tokenizer.json")
        rows, validation = every.train.first(_ROWS), every.validation.first(_BATCH)
        few, scratch = Tokens(rows, rows, validation), Path(name) / "scratch"
        teacher = Teacher(Path(name), "", few, lambda: copy.deepcopy(model), clock)
        context = Context(texts.task, rows, rows, validation, recipe.seed, scratch, clock, lambda _: few, teacher)
        wanted = next(stage for stage in recipe.stages if isinstance(stage, distill.Parameters))
        once: dict[str, Any] = {"epochs": 1, "batch_size": _BATCH}
        plain = once | {
            "fake_quant": None,
            "dropout": None,
        }  # the bare loop does not round, and has the model's dropout
        student, _ = build(wanted.student, model, texts.task.labels, texts.task.token_level, recipe.seed)
        runs = {
            "fine-tuning the teacher": (model, *_fine_tuning(context, recipe.teacher.model_copy(update=once))),
            "distilling the student": (student, *_distilling(context, teacher, wanted.model_copy(update=plain))),
        }
        table = [[what, *_speeds(clock, *run)] for what, run in runs.items()]
    where = f"{fastest_device().type}, {'BF16' if has_bf16() else 'FP32'}"
    headers = [where, "pocketbert, examples/s", "bare loop, examples/s", "ratio"]
    print(markdown_table(headers, table))


def _fine_tuning(context: Context, settings: Schedule) -> tuple[Training, Training]:
    """Return the fine-tuning of all weights by pocketbert and by the bare loop."""
    examples = Examples(context.labelled)

    def loss(logits: Tensor, batch: dict[str, Any], _: Any) -> Tensor:
        return cross_entropy(logits, batch["labels"])

    def ours(model: PreTrainedModel) -> None:
        train(model, context, examples, settings, loss, "fine-tuning", model)

    return ours, partial(_bare, context, examples, settings, loss)


def _distilling(context: Context, teacher: Teacher, settings: Distillation) -> tuple[Training, Training]:
    """Return the distillation by pocketbert and by the bare loop, both with the teacher's logits at hand."""
    examples = Examples(context.train, {"teacher_logits": teacher.logits()})

    def loss(logits: Tensor, batch: dict[str, Any], _: Any) -> Tensor:
        return distillation(logits, batch["teacher_logits"], batch["labels"], settings.alpha, settings.temperature)

    ours = partial(distil, context=context, settings=settings, description="distilling")
    return ours, partial(_bare, context, examples, settings, loss)


def _bare(context: Context, examples: Examples, settings: Schedule, loss: LossFunction, model: PreTrainedModel) -> None:
    """Train `model` for one epoch: forward pass, loss, backward pass, AdamW."""
    order = list(_ByLength([*map(len, examples.rows.inputs.sequences)], _BATCH, context.seed))
    model.to(fastest_device()).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.01, fused=True)
    with context.progress.work("bare loop", len(order) // _BATCH) as work:
        for start in range(0, len(order), _BATCH):
            batch = send_to_device(examples.batch(order[start : start + _BATCH]), model.device)
            with autocast(model.device.type):
                outputs = model(**batch["inputs"])
            torch.autograd.backward(loss(outputs.logits.float(), batch, outputs))
            optimizer.step()
            optimizer.zero_grad()
            work.advance()


def _speeds(clock: _Clock, trained: PreTrainedModel, *ways: Training) -> list[str]:
    """Return the examples per second of pocketbert's training and of the bare loop, and their ratio."""
    found: list[list[float]] = [[] for _ in ways]
    for speeds, way in _ROUNDS * [*zip(found, ways, strict=True)]:
        way(copy.deepcopy(trained))
        speeds.append(_BATCH * (len(clock.ticks) - 1) / (clock.ticks[-1] - clock.ticks[0]))
    ours, bare = map(median, found)
    return [f"{ours:.1f}", f"{bare:.1f}", f"{ours / bare:.2f}"]


if __name__ == "__main__":
    main()
