"""Training through `transformers.Trainer`: length-grouped batches, BF16 where the CPU has it, resumable.

The Trainer's checkpoints live in the scratch folder of the step and go when the step is done.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from compress.progress import Work
from compress.stages import Context
from compress.tasks.encoding import pad

Loss = Callable[[Tensor, dict[str, Tensor]], Tensor]
"""(logits, batch) -> scalar; the batch holds ``labels`` and whatever columns the caller added."""

Inputs = Callable[[list[int]], dict[str, Tensor]]

_STRETCH = 50
"""Batches that are sorted by length together."""

_SAVE_EVERY = 60.0
"""Seconds between two checkpoints: what a killed build has to do again at most."""


def has_bf16() -> bool:
    """Whether BF16 arithmetic is native here; where it is emulated it is several times slower than FP32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def train(
    model: nn.Module,
    context: Context,
    *,
    description: str,
    loss: Loss,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    columns: dict[str, Any] | None = None,
    inputs: Inputs | None = None,
) -> None:
    """Train `model` in place on the training rows: AdamW, 10 % linear warm-up, then linear decay to 0.

    Args:
        model: called with `inputs`; returns an object with ``logits``.
        description: what the progress bar says.
        columns: more values per training row, handed to `loss` in the batch (name -> (rows, …)).
        inputs: what the model is called with, given row numbers; by default ``input_ids`` and ``attention_mask``.
    """
    sequences = context.train.sequences
    labels = torch.tensor(context.train.labels)
    bf16 = has_bf16()
    arguments = TrainingArguments(
        output_dir=str(context.scratch),
        num_train_epochs=epochs,
        learning_rate=learning_rate,
        per_device_train_batch_size=batch_size,
        warmup_steps=0.1,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        bf16=bf16,
        use_cpu=bf16 and not torch.cuda.is_available(),  # asked for BF16, the Trainer wants a GPU or this
        seed=context.seed,
        save_strategy="no",  # _Checkpoint asks for one by the clock
        save_total_limit=1,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        log_level="error",
        logging_strategy="no",
        report_to="none",
    )
    tensors = {name: torch.as_tensor(values) for name, values in (columns or {}).items()}

    def collate(numbers: list[int]) -> dict[str, Any]:
        chosen = inputs(numbers) if inputs else _tokens([sequences[n] for n in numbers], context.padding)
        return {"inputs": chosen, "labels": labels[numbers]} | {k: v[numbers] for k, v in tensors.items()}

    total = epochs * -(-len(sequences) // batch_size)
    with context.progress.work(description, total) as work:
        trainer = _Trainer(
            loss,
            _ByLength([len(sequence) for sequence in sequences], batch_size, context.seed),
            model=model,
            args=arguments,
            train_dataset=range(len(sequences)),
            data_collator=collate,
            callbacks=[_Checkpoint(_SAVE_EVERY), _Bar(work)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=_last_checkpoint(context.scratch))
    model.cpu().eval()


class _Trainer(Trainer):
    """The Trainer with a loss and an order of rows that are handed to it."""

    def __init__(self, loss: Loss, order: Sampler[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._loss, self._order = loss, order
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**inputs["inputs"])
        loss = self._loss(outputs.logits, inputs)
        return (loss, outputs) if return_outputs else loss


class _Checkpoint(TrainerCallback):
    """Asks for a checkpoint by the clock, not by the step: steps last from milliseconds to minutes."""

    def __init__(self, every: float) -> None:
        self._every, self._saved = every, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
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


def _tokens(sequences: list[list[int]], padding: int) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in pad(sequences, padding).items()}
