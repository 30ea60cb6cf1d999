"""Training with `transformers.Trainer`: length-grouped batches, BF16 if the processor has it, resumable.

The Trainer's checkpoints are in the scratch folder of the step, which is deleted when the step is done.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainerState, TrainingArguments

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.base.files import files_of, record_digests, recorded_figures, write_json
from pocketbert.compress.base.processes import agreed, rank, world
from pocketbert.compress.base.progress import Work
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.forward.attention import fast_on_cpu
from pocketbert.compress.training.forward.dropout import dropout_rate
from pocketbert.compress.training.layer_rates import decay_by_layer
from pocketbert.compress.training.precision import fast_logits, has_bf16
from pocketbert.compress.training.settings import Schedule

LossFunction = Callable[[Tensor, dict[str, Any], Any], Tensor]
"""(logits, batch, outputs) -> scalar. Logits are (answers, labels); the batch has ``labels``, (answers,), and the
columns of the `Examples`; outputs are the model's own.
"""
BatchOf = Callable[[list[int]], dict[str, Any]]
"""Indices of inputs -> the keyword arguments of the model for one batch."""
_STRETCH = 50
"""Batches that are sorted by length together."""
_DIGESTS = "digests.json"
"""The file in a checkpoint with the digests of its weights, optimizer, schedule and random numbers."""
_LATER = ("trainer_state.json", _DIGESTS)
"""Files of a checkpoint that are written after the digests."""
_SAVE_EVERY = 60.0
"""Seconds between two checkpoints: the most that a killed build has to repeat."""
_FINISHED = "finished.json"
"""The file beside the checkpoints with the metric after each epoch of a training that has ended.

The Trainer then deletes every checkpoint but the best one, from which alone the training would seem unfinished.
"""
_IMPROVING = 0.005
"""Gain of the metric between the last two evaluations above which a longer training would probably improve further."""


@dataclass(frozen=True)
class Examples:
    """The examples that a model is trained on.

    Args:
        columns: further values per answer, which the loss finds in the batch (name -> (answers, …)).
        batch_of: makes the model's arguments; by default they are token ids and mask.
    """

    rows: Rows
    columns: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    batch_of: BatchOf | None = None

    def batch(self, indices: list[int]) -> dict[str, Any]:
        """Return a batch: the model's ``inputs``, ``at`` (positions of scored tokens or None), ``labels``, columns."""
        inputs = self.rows.inputs
        answers, at = inputs.answers(indices), inputs.positions(indices)
        return {
            "inputs": self.batch_of(indices) if self.batch_of else inputs.tensors(indices),
            "at": at and tuple(map(torch.from_numpy, at)),
            "labels": torch.from_numpy(self.rows.labels[answers]),
            **{name: torch.from_numpy(values[answers]) for name, values in self.columns.items()},
        }


def train(
    model: nn.Module,
    context: Context,
    examples: Examples,
    schedule: Schedule,
    loss: LossFunction,
    description: str,
    evaluated: PreTrainedModel,
    halfway: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
    patient_from: float = 0.0,
) -> list[float]:
    """Train `model` in place; of several epochs, keep the one with the best metric on the validation rows.

    The training ends early if the last `schedule.patience` epochs brought no better metric.

    Args:
        model: called with the ``inputs`` of a batch; returns an object with ``logits``.
        description: the text of the progress bar.
        evaluated: the model that is evaluated: `model`, or the whole model that `model` is a part of.
        halfway: evaluate a single epoch at its half and at its end.
        callbacks: further ones, which are called after our own.
        patient_from: share of the steps after which epochs count for `schedule.patience`.

    Returns:
        The task's metric on the validation rows at each evaluation: one after each of several epochs.

    Raises:
        BadInput: the loss, or a logit of a validation row, is NaN or infinite; nothing is trained further.
    """
    inputs = examples.rows.inputs
    bf16, steps = has_bf16(), -(-len(inputs) // schedule.batch_size)
    several, key = schedule.epochs > 1, f"eval_{context.task.metric}"
    checkpoint, stop = _last_checkpoint(context.scratch), _Stop(key, schedule.patience, patient_from)
    if checkpoint is None and not rank():
        (context.scratch / _FINISHED).unlink(missing_ok=True)  # of a training whose checkpoint is damaged
    finished = _finished(context.scratch) if checkpoint else None
    arguments = TrainingArguments(
        output_dir=str(context.scratch),
        num_train_epochs=stop.epochs(checkpoint, bool(finished)) or schedule.epochs,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=schedule.portion,
        gradient_accumulation_steps=schedule.gradient_accumulation_steps,
        warmup_steps=0.1 if schedule.epochs * steps > 1 else 0,  # the first step of a warm-up changes nothing
        weight_decay=0.01,
        optim="adamw_torch_fused",
        bf16=bf16,
        # With BF16 or several processes the Trainer requires a GPU unless `use_cpu` is set.
        use_cpu=(bf16 or world() > 1) and not torch.cuda.is_available(),
        seed=context.seed,
        eval_strategy="epoch" if several else "no",
        save_strategy="epoch" if several else "no",  # _Checkpoint requests further ones by the clock
        load_best_model_at_end=several,
        metric_for_best_model=context.task.metric,
        save_total_limit=1,
        remove_unused_columns=False,
        **_loading(torch.cuda.is_available(), examples),
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        log_level="error",
        logging_strategy="no",
        report_to="none",
    )
    evaluated.to(arguments.device)  # the Trainer moves `model` alone, which may be a part of it
    arguments._n_gpu = 1  # several GPUs of one process would each take a whole batch; torchrun splits the batch
    halves = {steps // 2, steps} if halfway and not several else set()
    rate = f"learning_rate = {schedule.learning_rate:g} is probably too high; try {schedule.learning_rate / 10:g}"
    evaluation = _Evaluation(lambda: _score(evaluated, context, f"{description}: {rate}"), key, halves)
    with context.progress.work(description, schedule.epochs * steps) as work:
        trainer = _Trainer(
            loss,
            _ByLength([len(sequence) for sequence in inputs.sequences], schedule.batch_size, context.seed),
            evaluation,
            f"{description}: the loss is not a number since step {{step}}: {rate}",
            model=model,
            args=arguments,
            train_dataset=range(len(inputs)),
            eval_dataset=range(1),  # required by the Trainer but not read: `_Evaluation` evaluates
            data_collator=examples.batch,
            callbacks=[_Checkpoint(_SAVE_EVERY), _Bar(work), evaluation, stop, *callbacks],
        )
        trainer.rates = lambda optimizer: decay_by_layer(optimizer, evaluated, schedule.layer_decay)
        trainer.remove_callback(PrinterCallback)
        fast = fast_on_cpu(evaluated) if arguments.device.type == "cpu" else nullcontext()
        with dropout_rate(evaluated, schedule.dropout), fast:
            trainer.train(resume_from_checkpoint=checkpoint)
    # Undo accelerate's wrapper around the forward, or the model would still compute in BF16 after training.
    # (Accelerate's own function for that removes decorators of transformers as well.)
    for name in ("forward", "_original_forward"):
        model.__dict__.pop(name, None)
    model.cpu().eval()
    evaluated.cpu()
    history = finished or [entry[key] for entry in trainer.state.log_history if key in entry]
    if several and not rank():
        write_json(context.scratch / _FINISHED, {"history": history})
    return history


def still_improving(history: list[float]) -> bool:
    """Return whether the last evaluation is the best one and 0.5 percentage points above the one before."""
    return len(history) > 1 and history[-1] == max(history) and history[-1] - history[-2] > _IMPROVING


def stalled(history: Sequence[float], patience: int) -> bool:
    """Return whether none of the last `patience` evaluations is better than those before (Prechelt 1998)."""
    return len(history) > patience and max(history[-patience:]) <= max(history[:-patience])


def told(metric: str, history: Sequence[float], schedule: Schedule) -> str:
    """Describe how a training of several epochs went: the metric after each epoch, and whether it ended early."""
    ended = f"{metric} after each epoch: {', '.join(map(percent, history))}; the best is kept"
    if len(history) >= schedule.epochs:
        return ended
    return (
        f"{ended}; the training ended after {len(history)} of at most {schedule.epochs} epochs, because the last "
        f"{schedule.patience} brought no better value (patience)"
    )


def _loading(on_gpu: bool, examples: Examples) -> dict[str, Any]:
    """How batches are made: token ids for a GPU ahead of time by other processes, or it would wait for their padding.

    Batches of vectors are too large for the memory that processes share.
    """
    if not on_gpu or examples.batch_of:
        return {"dataloader_pin_memory": False}
    return {"dataloader_pin_memory": True, "dataloader_num_workers": 2, "dataloader_persistent_workers": True}


def _score(model: PreTrainedModel, context: Context, hint: str) -> float:
    """The task's metric on the validation rows; raises `BadInput` with the `hint` if a logit is no finite number."""
    try:
        logits = fast_logits(model, context.validation.inputs)
    except NotFinite as error:
        raise BadInput(f"{hint}; {error}") from error
    return context.task.scores(logits, context.validation.gold)[context.task.metric]


class _Evaluation(TrainerCallback):
    """Evaluates the model after each epoch, when the Trainer calls it, and after certain steps."""

    def __init__(self, score: Callable[[], float], key: str, steps: set[int]) -> None:
        self.score, self.key, self._steps = score, key, steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self._steps:  # the history is part of a checkpoint, so a resumed training has it
            state.log_history.append({self.key: self.score(), "step": state.global_step})


class _Stop(TrainerCallback):
    """Ends a training whose metric has not improved for `patience` epochs; with 0 it ends none.

    Epochs in the first `since` of the steps do not count. A resumed training ends at the same epoch.
    """

    def __init__(self, key: str, patience: int, since: float) -> None:
        self._key, self._patience, self._since = key, patience, since

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._reached(state):
            control.should_training_stop = True

    def epochs(self, checkpoint: str | None, finished: bool) -> int | None:
        """Return the epochs up to `checkpoint` if the training ended there, or is `finished`; None if it goes on."""
        if checkpoint is None:
            return None
        state = TrainerState.load_from_json(str(Path(checkpoint, "trainer_state.json")))
        return round(state.epoch or 0) if finished or self._reached(state) else None

    def _reached(self, state: TrainerState) -> bool:
        scored = [entry for entry in state.log_history if self._key in entry]
        counted = [entry[self._key] for entry in scored if entry["step"] > self._since * state.max_steps]
        return self._patience > 0 and stalled(counted, self._patience)


class _Trainer(Trainer):
    """The Trainer with our loss, order of rows, evaluation and learning rates of layers."""

    rates: Callable[[torch.optim.Optimizer], None]
    """Sets the learning rates of the groups of a new optimizer."""

    def __init__(
        self, loss: LossFunction, order: Sampler[int], evaluation: _Evaluation, diverged: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._loss, self._order, self._evaluation, self._diverged = loss, order, evaluation, diverged
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        new = self.optimizer is None
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        if new:
            self.rates(optimizer)
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def _save_rng_state(self, output_dir: str) -> None:
        """Save the state of the random numbers, then the digests of the checkpoint's files; called before its end."""
        super()._save_rng_state(output_dir)
        if not rank():
            files = [file for _, file in files_of(Path(output_dir)) if world() == 1 or "rng_state" not in file.name]
            record_digests(Path(output_dir, _DIGESTS), [file for file in files if file.name not in _LATER])

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**inputs["inputs"])
        logits = outputs.logits.float()
        if inputs["at"] is not None:
            logits = logits[inputs["at"]]
        loss = self._loss(logits, inputs, outputs)
        if not torch.isfinite(loss):  # the Trainer itself waits for the loss of every step
            raise BadInput(self._diverged.format(step=self.state.global_step + 1))
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        metrics = {self._evaluation.key: agreed(self._evaluation.score())}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Checkpoint(TrainerCallback):
    """Requests checkpoints by the clock, not by the step: steps last from milliseconds to minutes."""

    def __init__(self, every: float) -> None:
        self._every, self._saved = every, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if world() > 1:  # their clocks would have to agree
            return
        ends_epoch = float(state.epoch).is_integer()  # its checkpoint comes after its evaluation
        if time.monotonic() - self._saved >= self._every and not ends_epoch:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._saved = time.monotonic()


class _Bar(TrainerCallback):
    """Advances the progress bar; at the start of a resumed run, past the steps already done."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._work.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._work.advance()


def _last_checkpoint(folder: Path) -> str | None:
    """Return the newest whole checkpoint whose best checkpoint is whole, too; None if there is none.

    A kill may leave half of a checkpoint, both while the Trainer writes it and while it deletes it.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for checkpoint in found:
        state = _state(checkpoint)
        if state is None:
            continue
        if world() > 1 and not float(state.get("epoch", 0)).is_integer():
            continue  # one process wrote it; several cannot go on inside an epoch
        if best := state.get("best_model_checkpoint"):
            here = folder / Path(best).name  # the build's folder may have been moved
            if _state(here) is None:
                continue
            write_json(checkpoint / "trainer_state.json", state | {"best_model_checkpoint": str(here)})
        return str(checkpoint)
    return None


def _finished(folder: Path) -> list[float] | None:
    """Return the metric after each epoch of a training that has ended; None if it has not."""
    file = folder / _FINISHED
    return json.loads(file.read_text(encoding="utf-8"))["history"] if file.is_file() else None


def _state(checkpoint: Path) -> dict[str, Any] | None:
    """Return the Trainer's state in a whole checkpoint; None if a file is missing, torn or changed."""
    if recorded_figures(checkpoint / _DIGESTS) is None:
        return None
    try:
        state: dict[str, Any] = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state


class _ByLength(Sampler[int]):
    """Batches of rows of similar length, in an order that depends on epoch and seed alone.

    A resumed run therefore skips exactly the batches it has seen. Rows are sorted within stretches of 50 batches, and
    the batches of a stretch are shuffled; without the shuffle the last steps would see short texts only.
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
            # A short batch stays last: the batches after it would mix lengths.
            whole = len(stretch) // self._batch_size
            for number in [*torch.randperm(whole, generator=generator).tolist(), *range(whole, len(batches))]:
                yield from batches[number]

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the Trainer calls this at the start of each epoch."""
        self._epoch = epoch
