"""What the teacher says inside, of every training row: one pass, kept on disk, read batch by batch."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from filelock import FileLock
from torch import Tensor

from compress.features import Key, capture, width
from compress.progress import Progress, Work
from compress.tasks.encoding import Inputs, batches
from compress.token_states import TokenStates, check_room, write_states

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


class TeacherFeatures:
    """The vectors of `keys` for every row, one file of `compress.token_states` per key.

    Files that are there are taken as they are; a pass computes those that are missing, all at once. Several processes
    of one training may ask together: one of them computes.
    """

    seconds: float
    """What the pass took, 0 where no file was missing. Without the files every epoch would take it again."""

    def __init__(
        self,
        load: "Callable[[], PreTrainedModel]",
        inputs: Inputs,
        padding: int,
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
                    _compute(model, inputs, padding, missing, work)
                    self.seconds = time.monotonic() - started
        self._states = {key: TokenStates(file, lengths) for key, file in files.items()}

    def batch(self, rows: Sequence[int]) -> dict[Key, Tensor]:
        """The vectors of those rows, each (rows, tokens, width), padded with 0."""
        return {key: states.batch(rows) for key, states in self._states.items()}


@torch.inference_mode()
def _compute(model: "PreTrainedModel", inputs: Inputs, padding: int, files: dict[Key, Path], work: Work) -> None:
    lengths = list(map(len, inputs.sequences))
    model.eval()
    with ExitStack() as stack:
        found = stack.enter_context(capture(model, files))
        writers = {
            key: stack.enter_context(write_states(file, lengths, width(model.config, key)))
            for key, file in files.items()
        }
        for rows, batch in batches(inputs, _BATCH, padding):
            model(**{name: torch.from_numpy(values).to(model.device) for name, values in batch.items()})
            for key, write in writers.items():
                write(rows.tolist(), found[key])
            work.advance(len(rows))
