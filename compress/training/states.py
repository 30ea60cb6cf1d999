"""Vectors of every token of every row, FP16 on disk: computed once, read batch by batch.

A file is one memory-mapped array (Σ tokens, width), row after row without padding.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.progress import Progress, Work
from pocketbert.compress.models.features import Key, capture, width
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Write = Callable[[Sequence[int], Tensor], None]
"""(row numbers, vectors (rows, tokens, width), padded at the end)."""


class TokenStates:
    """A file that `write_states` has finished."""

    def __init__(self, file: Path, lengths: Sequence[int]) -> None:
        """`lengths`: tokens of each row, as they were when the file was written."""
        self._ends = np.cumsum(lengths)
        self._states = np.load(file, mmap_mode="r", allow_pickle=False)

    def batch(self, rows: Sequence[int]) -> Tensor:
        """The vectors of those rows, FP32, padded with 0: (rows, tokens, width)."""
        starts = [int(self._ends[row - 1]) if row else 0 for row in rows]
        values = [self._states[start : self._ends[row]] for start, row in zip(starts, rows, strict=True)]
        return pad_sequence([torch.from_numpy(value.astype(np.float32)) for value in values], batch_first=True)


@contextmanager
def write_states(file: Path, lengths: Sequence[int], width: int) -> Iterator[Write]:
    """Gives a function that takes rows in any order; `file` is there when the block has ended well, or not at all."""
    ends = np.cumsum(lengths)
    with atomic_write(file) as temporary:
        states = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=(int(ends[-1]), width))

        def write(rows: Sequence[int], vectors: Tensor) -> None:
            for row, values in zip(rows, vectors.float().cpu().numpy(), strict=True):
                states[ends[row] - lengths[row] : ends[row]] = values[: lengths[row]]

        yield write
        states.flush()


def check_room(folder: Path, lengths: Sequence[int], widths: Sequence[int]) -> None:
    """Raise `BadInput` where `folder` has no room for one file of each width: a disk that runs full under a memory map
    ends the process without a word.
    """
    needed = np.dtype(np.float16).itemsize * sum(lengths) * sum(widths)
    if needed > (free := shutil.disk_usage(folder).free):
        raise BadInput(
            f"{folder}: {needed:,} bytes are needed there for the vectors of {len(lengths):,} rows, {free:,} are free; "
            f"make room, or build elsewhere with --out"
        )


_BATCH = 32


class TeacherFeatures:
    """The vectors of `keys` for every row, one file of `pocketbert.compress.training.states` per key.

    Files that are there are taken as they are; a pass computes those that are missing, all at once. Several processes
    of one training may ask together: one of them computes.
    """

    seconds: float
    """What the pass took, 0 where no file was missing. Without the files every epoch would take it again."""

    def __init__(
        self,
        load: "Callable[[], PreTrainedModel]",
        inputs: Inputs,
        folder: Path,
        keys: Iterable[Key],
        progress: Progress,
    ) -> None:
        """Computes what is missing.

        Args:
            load: gives the teacher, on the device it is to run on; not called where nothing is missing.
            inputs: the training rows as the teacher's tokenizer cuts them.
            folder: of these features alone; its name stands for teacher, tokenizer and rows.

        Raises:
            BadInput: the disk has no room for what is missing.
        """
        lengths = list(map(len, inputs.sequences))
        files = {key: folder / f"{key.part}-{key.layer}.npy" for key in keys}
        folder.mkdir(parents=True, exist_ok=True)
        self.seconds = 0.0
        with FileLock(folder / ".lock"):
            if missing := {key: file for key, file in files.items() if not file.is_file()}:
                for stale in folder.glob(".*.tmp.npy"):  # of a build that was killed
                    stale.unlink()
                model = load()
                check_room(folder, lengths, [width(model.config, key) for key in missing])
                with progress.work("the teacher's layers answer the training rows", len(inputs)) as work:
                    started = time.monotonic()
                    _compute(model, inputs, missing, work)
                    self.seconds = time.monotonic() - started
        self._states = {key: TokenStates(file, lengths) for key, file in files.items()}

    def batch(self, rows: Sequence[int]) -> dict[Key, Tensor]:
        """The vectors of those rows, each (rows, tokens, width), padded with 0."""
        return {key: states.batch(rows) for key, states in self._states.items()}


@torch.inference_mode()
def _compute(model: "PreTrainedModel", inputs: Inputs, files: dict[Key, Path], work: Work) -> None:
    lengths = list(map(len, inputs.sequences))
    model.eval()
    with ExitStack() as stack:
        found = stack.enter_context(capture(model, files))
        writers = {
            key: stack.enter_context(write_states(file, lengths, width(model.config, key)))
            for key, file in files.items()
        }
        for rows, batch in batches(inputs, _BATCH):
            model(**as_tensors(batch, model.device))
            for key, write in writers.items():
                write(rows.tolist(), found[key])
            work.advance(len(rows))
