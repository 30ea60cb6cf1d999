"""Vectors of every token of every row, FP16 on disk: computed once, read batch by batch.

A file is one memory-mapped array (Σ tokens, width), row after row without padding.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from compress.errors import BadInput
from compress.files import whole

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
    with whole(file) as temporary:
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
