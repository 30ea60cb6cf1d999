"""Training through `transformers.Trainer`: length-grouped batches, BF16 where the CPU has it, resumable.

The Trainer's checkpoints live in the scratch folder of the step and go when the step is done.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from pocketbert.compress.base.processes import world
from pocketbert.compress.base.progress import Work
from pocketbert.compress.tasks import inputs as encoding
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.precision import has_bf16, quick_answers
from pocketbert.compress.training.settings import Schedule

Loss = Callable[[Tensor, dict[str, Any], Any], Tensor]
"""(logits, batch, outputs) -> scalar. Logits are (answers, labels); the batch holds ``labels``, (answers,), and the
caller's columns; outputs are the model's own.
"""
Inputs = Callable[[list[int]], dict[str, Any]]
_STRETCH = 50
"""Batches that are sorted by length together."""
_SAVE_EVERY = 60.0
"""Seconds between two checkpoints: what a killed build has to do again at most."""
_IMPROVING = 0.005
"""Of the metric: a gain from one evaluation to the next that a longer training would probably go on from."""


def train(
    model: nn.Module,
    context: Context,
    rows: Rows,
    schedule: Schedule,
    loss: Loss,
    description: str,
    evaluated: PreTrainedModel,
    columns: dict[str, NDArray[np.float32]] | None = None,
    inputs: Inputs | None = None,
    halfway: bool = False,
) -> list[float]:
    """Train `model` in place; of several epochs the one that did best on the validation rows is kept.

    Args:
        model: called with `inputs`; returns an object with ``logits``.
        rows: to learn from.
        description: what the progress bar says.
        evaluated: answers the validation rows with the weights that are being trained: `model`, or the whole it is of.
        columns: more values per answer, handed to `loss` in the batch (name -> (answers, …)).
        inputs: what the model is called with, given numbers of inputs; by default token ids and mask.
        halfway: evaluate a single epoch at its half and at its end.

    Returns:
        The task's metric on the validation rows, evaluation by evaluation: one after each of several epochs.
    """
    bf16, steps = has_bf16(), -(-len(rows.inputs) // schedule.batch_size)
    several = schedule.epochs > 1
    arguments = TrainingArguments(
        output_dir=str(context.scratch),
        num_train_epochs=schedule.epochs,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=schedule.portion,
        gradient_accumulation_steps=schedule.gradient_accumulation_steps,
        warmup_steps=0.1,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        bf16=bf16,
        # Asked for BF16, or for several processes, the Trainer wants a GPU unless it is told so.
        use_cpu=(bf16 or world() > 1) and not torch.cuda.is_available(),
        seed=context.seed,
        eval_strategy="epoch" if several else "no",
        save_strategy="epoch" if several else "no",  # and _Checkpoint asks for more by the clock
        load_best_model_at_end=several,
        metric_for_best_model=context.task.metric,
        save_total_limit=1,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        log_level="error",
        logging_strategy="no",
        report_to="none",
    )
    evaluated.to(arguments.device)  # `model` may be a part of it, which the Trainer would move alone
    arguments._n_gpu = 1  # or several GPUs of one process would each take a whole batch; torchrun shares it out
    labels = torch.from_numpy(rows.labels)
    tensors = {name: torch.as_tensor(values) for name, values in (columns or {}).items()}

    def collate(numbers: list[int]) -> dict[str, Any]:
        answers = torch.from_numpy(rows.inputs.answers(numbers))
        read = inputs(numbers) if inputs else rows.inputs.tensors(numbers)
        chosen = {name: values[answers] for name, values in tensors.items()}
        return {"inputs": read, "at": _positions(rows.inputs, numbers), "labels": labels[answers], **chosen}

    key = f"eval_{context.task.metric}"
    watch = _Watch(lambda: _score(evaluated, context), key, {steps // 2, steps} if halfway and not several else set())
    with context.progress.work(description, schedule.epochs * steps) as work:
        trainer = _Trainer(
            loss,
            _ByLength([len(sequence) for sequence in rows.inputs.sequences], schedule.batch_size, context.seed),
            watch,
            model=model,
            args=arguments,
            train_dataset=range(len(rows.inputs)),
            eval_dataset=range(1),  # asked for by the Trainer, and read by nobody: `_Watch` evaluates
            data_collator=collate,
            callbacks=[_Checkpoint(_SAVE_EVERY), _Bar(work), watch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=_last_checkpoint(context.scratch))
    # Or it would go on answering in BF16: accelerate wraps the forward of the model it is given.
    # (Its own way of undoing that takes off decorators of transformers' as well.)
    for name in ("forward", "_original_forward"):
        model.__dict__.pop(name, None)
    model.cpu().eval()
    evaluated.cpu()
    return [entry[key] for entry in trainer.state.log_history if key in entry]


def still_improving(history: list[float]) -> bool:
    """Whether a training ended while it was still getting better by half a point, from one evaluation to the next."""
    return len(history) > 1 and history[-1] == max(history) and history[-1] - history[-2] > _IMPROVING


def _score(model: PreTrainedModel, context: Context) -> float:
    """The task's metric on the validation rows."""
    answers = quick_answers(model, context.validation.inputs)
    return context.task.scores(answers, context.validation.gold)[context.task.metric]


class _Watch(TrainerCallback):
    """Evaluates: when the Trainer asks after an epoch, or after certain steps."""

    def __init__(self, score: Callable[[], float], key: str, steps: set[int]) -> None:
        self.score, self.key, self._steps = score, key, steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self._steps:  # a checkpoint keeps the history, and a resumed training its first half
            state.log_history.append({self.key: self.score(), "step": state.global_step})


class _Trainer(Trainer):
    """The Trainer with a loss, an order of rows and an evaluation that are handed to it."""

    def __init__(self, loss: Loss, order: Sampler[int], watch: _Watch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._loss, self._order, self._watch = loss, order, watch
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**inputs["inputs"])
        logits = outputs.logits.float()
        if inputs["at"] is not None:
            logits = logits[inputs["at"]]
        loss = self._loss(logits, inputs, outputs)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        metrics = {self._watch.key: self._watch.score()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Checkpoint(TrainerCallback):
    """Asks for a checkpoint by the clock, not by the step: steps last from milliseconds to minutes."""

    def __init__(self, every: float) -> None:
        self._every, self._saved = every, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if world() > 1:  # whose clocks would have to agree
            return
        if time.monotonic() - self._saved >= self._every and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._saved = time.monotonic()


class _Bar(TrainerCallback):
    """Moves the progress bar, first of all past the steps that a resumed run skips."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._work.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._work.advance()


def _last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint: the Trainer writes `trainer_state.json` last, and a kill may cut even that short."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for checkpoint in found:
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return str(checkpoint)
    return None


class _ByLength(Sampler[int]):
    """Batches of rows of similar length, in an order that epoch and seed alone decide.

    So a resumed run skips the very batches it has seen. Rows are sorted within stretches of 50 batches, and the batches
    of a stretch are shuffled: left in order of length, the last steps would see nothing but short texts.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = lengths, batch_size, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(1000 * self._seed + self._epoch)
        rows: list[int] = torch.randperm(len(self._lengths), generator=generator).tolist()
        for start in range(0, len(rows), _STRETCH * self._batch_size):
            stretch = sorted(rows[start : start + _STRETCH * self._batch_size], key=self._lengths.__getitem__)
            batches = [stretch[i : i + self._batch_size] for i in range(0, len(stretch), self._batch_size)]
            # A short batch stays last, or every batch after it would straddle two lengths.
            whole = len(stretch) // self._batch_size
            for number in [*torch.randperm(whole, generator=generator).tolist(), *range(whole, len(batches))]:
                yield from batches[number]

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self._epoch = epoch


def _positions(inputs: encoding.Inputs, numbers: list[int]) -> tuple[Tensor, Tensor] | None:
    found = inputs.positions(numbers)
    return None if found is None else (torch.from_numpy(found[0]), torch.from_numpy(found[1]))
