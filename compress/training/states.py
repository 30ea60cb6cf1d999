"""Vectors of every token of every row, in FP16 on disk: computed once, read batch by batch.

A file is one memory-mapped array (Σ tokens, width), row after row without padding.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pocketbert.compress.base.errors import BadInput, MachineFailed
from pocketbert.compress.base.files import atomic_write, record_digests, recorded_figures
from pocketbert.compress.base.progress import Progress, Work
from pocketbert.compress.tasks.inputs import Batch, Inputs, as_tensors, batches
from pocketbert.compress.training.features import Key, capture, width

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32
_MOST = float(np.finfo(np.float16).max)
Write = Callable[[Sequence[int], Tensor], None]
"""(row indices, vectors (rows, tokens, width), padded at the end)."""


class TokenStates:
    """A file written by `write_states`, opened for reading."""

    def __init__(self, file: Path, lengths: Sequence[int]) -> None:
        """`lengths`: tokens of each row, the values that `write_states` was given."""
        self._ends = np.cumsum(lengths)
        self._states = np.load(file, mmap_mode="r", allow_pickle=False)

    def batch(self, rows: Sequence[int]) -> Tensor:
        """Return the vectors of these rows in FP32, (rows, tokens, width), padded with 0."""
        starts = [int(self._ends[row - 1]) if row else 0 for row in rows]
        values = [self._states[start : self._ends[row]] for start, row in zip(starts, rows, strict=True)]
        return pad_sequence([torch.from_numpy(value.astype(np.float32)) for value in values], batch_first=True)


@contextmanager
def write_states(file: Path, lengths: Sequence[int], width: int) -> Iterator[Write]:
    """Yield a function that writes rows in any order; `file` appears only if the block ends without an error.

    The function raises `BadInput` for a value that FP16 cannot hold.
    """
    ends = np.cumsum(lengths)
    with atomic_write(file) as temporary:
        states = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=(int(ends[-1]), width))
        if hasattr(os, "posix_fallocate"):  # a write into a hole of a full disk would kill the process
            with temporary.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, temporary.stat().st_size)

        def write(rows: Sequence[int], vectors: Tensor) -> None:
            if (most := vectors.abs().max().item()) > _MOST:
                raise BadInput(
                    f"a layer's values reach {most:.3g}, and FP16 ends at {_MOST:g}: this model can "
                    "neither have frozen_layers nor be aligned"
                )
            for row, values in zip(rows, vectors.float().cpu().numpy(), strict=True):
                states[ends[row] - lengths[row] : ends[row]] = values[: lengths[row]]

        yield write
        states.flush()


def check_disk_space(folder: Path, lengths: Sequence[int], widths: Sequence[int]) -> None:
    """Check that `folder` has room for one file of each width; a full disk under a memory map kills the process.

    Raises:
        MachineFailed: there is too little space.
    """
    needed = np.dtype(np.float16).itemsize * sum(lengths) * sum(widths)
    if needed > (free := shutil.disk_usage(folder).free):
        raise MachineFailed(
            f"{folder}: the vectors of {len(lengths):,} rows need {needed:,} bytes, {free:,} are free; "
            "free some space, or build in another folder with --artifacts-dir"
        )


def compute_states(
    files: Mapping[Path, int], inputs: Inputs, vectors: Callable[[Batch], Sequence[Tensor]], work: Work
) -> None:
    """Write `files` (path -> width) batch by batch; `vectors` computes the values of each file, (rows, tokens, width).

    Raises:
        MachineFailed: the disk has no room for the files.
    """
    lengths = list(map(len, inputs.sequences))
    check_disk_space(next(iter(files)).parent, lengths, list(files.values()))
    with ExitStack() as stack, torch.inference_mode():
        writers = [stack.enter_context(write_states(file, lengths, width)) for file, width in files.items()]
        for rows, batch in batches(inputs, _BATCH):
            for write, values in zip(writers, vectors(batch), strict=True):
                write(rows.tolist(), values)
            work.advance(len(rows))


class TeacherFeatures:
    """A cache of the teacher's hidden states, queries, keys and values for all training rows, one file per key.

    Existing files are used if their digests are right; all others are computed in one run over the rows. If several
    processes open the same folder at once, one of them computes.
    """

    seconds: float
    """Duration of the computation; 0 if no file was missing."""
    seconds_cached: float
    """Duration of the earlier computations of the files that were not missing."""

    def __init__(
        self,
        load: "Callable[[], PreTrainedModel]",
        inputs: Inputs,
        folder: Path,
        keys: Iterable[Key],
        progress: Progress,
    ) -> None:
        """Open the cache and compute the missing files.

        Args:
            load: returns the teacher on the device it runs on; called only if a file is missing.
            inputs: the training rows, tokenized by the teacher's tokenizer.
            folder: a folder for the features of this teacher, tokenizer and rows alone.
            keys: the vectors that are needed.

        Raises:
            MachineFailed: the disk has no room for the missing files.
        """
        lengths = list(map(len, inputs.sequences))
        files = {key: folder / f"{key.part}-{key.layer}.npy" for key in keys}
        folder.mkdir(parents=True, exist_ok=True)
        self.seconds = 0.0
        with FileLock(folder / ".lock"):
            figures = {key: recorded_figures(file.with_suffix(".json")) for key, file in files.items()}
            self.seconds_cached = sum(found["seconds"] for found in figures.values() if found)
            if missing := {key: file for key, file in files.items() if not figures[key]}:
                model = load()
                widths = {file: width(model.config, key) for key, file in missing.items()}
                bar = progress.work("running the teacher's layers on the training rows", len(inputs))
                with bar as work, capture(model.eval(), missing) as found:

                    def vectors(batch: Batch) -> list[Tensor]:
                        model(**as_tensors(batch, model.device))
                        return [found[key] for key in missing]

                    started = time.monotonic()
                    compute_states(widths, inputs, vectors, work)
                    self.seconds = time.monotonic() - started
                for file in missing.values():
                    record_digests(file.with_suffix(".json"), [file], seconds=self.seconds / len(missing))
        self._states = {key: TokenStates(file, lengths) for key, file in files.items()}

    def batch(self, rows: Sequence[int]) -> dict[Key, Tensor]:
        """Return the vectors of these rows, each (rows, tokens, width), padded with 0."""
        return {key: states.batch(rows) for key, states in self._states.items()}
