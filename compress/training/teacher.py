"""The teacher's logits and features on the training rows: computed once, cached on disk."""

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.files import atomic_write, write_json
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.base.processes import first_alone
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.tasks.rows import Tokens

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from pocketbert.compress.models.features import Key
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
            self._record("logits", 0.0 if file.is_file() else self._compute_logits(file))
        values: NDArray[np.float32] = np.load(file, allow_pickle=False)
        return values

    def _compute_logits(self, file: Path) -> float:
        from pocketbert.compress.training.precision import fast_logits

        inputs, begin = self.tokens.train.inputs, time.monotonic()
        with self._progress.work("the teacher answers the training rows", len(inputs)) as bar:
            logits = fast_logits(self._on_its_device(), inputs, bar.advance)
        with atomic_write(file) as temporary:
            np.save(temporary, logits)
        return time.monotonic() - begin

    def _record(self, what: str, seconds: float) -> None:
        """Add the seconds just spent (0 for a cached result) to the totals; they are stored beside the cache."""
        file = self._folder / "asked.json"
        known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self.seconds_computing += seconds
        self.seconds_cached += known.get(what, 0.0)
        if seconds:
            write_json(file, known | {what: known.get(what, 0.0) + seconds})

    def _on_its_device(self) -> "PreTrainedModel":
        from pocketbert.compress.training.precision import fastest_device

        return self._load().to(fastest_device())

    def features(self, keys: "Collection[Key]") -> "TeacherFeatures":
        """Return the teacher's vectors at every token of the training rows.

        Raises:
            BadInput: the disk has no room for them.
        """
        from pocketbert.compress.training.states import TeacherFeatures

        ours = digest_of("pocketbert.compress.models.features", "pocketbert.compress.training.states")[:8]
        inputs, folder = self.tokens.train.inputs, self._folder / f"features-{ours}"
        with first_alone():
            found = TeacherFeatures(self._on_its_device, inputs, folder, keys, self._progress)
            self._record(folder.name, found.seconds)
        return found
