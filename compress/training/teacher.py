"""The teacher's logits and features on the training rows: computed once, cached on disk."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write, record_digests, recorded_figures, remove
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.base.processes import first_alone
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.tasks.inputs import NotFinite
from pocketbert.compress.tasks.rows import Tokens

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.training.features import Key
    from pocketbert.compress.training.states import TeacherFeatures


class Teacher:
    """The fine-tuned teacher and the cache of its predictions.

    Args:
        folder: the folder of the teacher's step; the cache lies in it.
        key: the cache key of that step, which covers model, tokenizer and rows.
        tokens: the rows, tokenized by the teacher's own tokenizer.
        load: loads the model; called only if something is not cached.
    """

    def __init__(
        self, folder: Path, key: str, tokens: Tokens, load: "Callable[[], PreTrainedModel]", progress: Progress
    ) -> None:
        self._folder, self._load, self._progress = folder, load, progress
        self.key, self.tokens = key, tokens
        self.seconds_computing = self.seconds_cached = 0.0
        """Seconds that this process spent on predictions, and that earlier builds had spent on the cached ones."""

    @property
    def tokenizer(self) -> Path:
        """The folder of the teacher's tokenizer."""
        return self._folder / "tokenizer"

    def config(self) -> "PretrainedConfig":
        """Return the configuration of the teacher's model."""
        from pocketbert.compress.models.pretrained import read_config

        folder = str(self._folder / "model")
        return read_config(folder, folder)

    def logits(self) -> NDArray[np.float32]:
        """Return the logits on all training rows, (answers, labels)."""
        file = self._folder / "train.npy"
        with first_alone():
            record = file.with_suffix(".json")
            if found := recorded_figures(record):
                self.seconds_cached += found["seconds"]
            else:
                seconds = self._compute_logits(file)
                self.seconds_computing += seconds
                record_digests(record, [file], seconds=seconds)
        values: NDArray[np.float32] = np.load(file, allow_pickle=False)
        return values

    def _compute_logits(self, file: Path) -> float:
        from pocketbert.compress.training.precision import fast_logits

        inputs, begin = self.tokens.train.inputs, time.monotonic()
        with self._progress.work("the teacher predicts the training rows", len(inputs)) as bar:
            try:
                logits = fast_logits(self._on_its_device(), inputs, bar.advance)
            except NotFinite as error:
                raise BadInput(f"the teacher on the training rows: {error}") from error
        with atomic_write(file) as temporary:
            np.save(temporary, logits)
        return time.monotonic() - begin

    def _on_its_device(self) -> "PreTrainedModel":
        from pocketbert.compress.training.precision import fastest_device

        return self._load().to(fastest_device())

    def features(self, keys: "Collection[Key]") -> "TeacherFeatures":
        """Return the teacher's vectors at every token of the training rows.

        Raises:
            MachineFailed: the disk has no room for them.
        """
        from pocketbert.compress.training.states import TeacherFeatures

        ours = digest_of("pocketbert.compress.training.features", "pocketbert.compress.training.states")[:8]
        inputs, folder = self.tokens.train.inputs, self._folder / f"features-{ours}"
        with first_alone():
            for older in self._folder.glob("features-*"):
                if older != folder:  # another version's
                    remove(older)
            found = TeacherFeatures(self._on_its_device, inputs, folder, keys, self._progress)
            self.seconds_computing += found.seconds
            self.seconds_cached += found.seconds_cached
        return found
