"""The fine-tuned teacher, asked once about each training row; what it said is kept beside it."""

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
    """Answers for the teacher out of its folder, which the cache has addressed by model, tokenizer and rows.

    Args:
        folder: the step's; logits and features are kept in it.
        key: the step's; it stands for model, tokenizer and rows.
        tokens: the rows as the teacher's own tokenizer cuts them.
        load: loads the model, where it has to be asked.
    """

    def __init__(
        self, folder: Path, key: str, tokens: Tokens, load: "Callable[[], PreTrainedModel]", progress: Progress
    ) -> None:
        self._folder, self._load, self._progress = folder, load, progress
        self.key, self.tokens = key, tokens
        self.asked = self.spared = 0.0
        """Seconds: what asking took this time, and what it had taken for the answers that were at hand."""

    @property
    def tokenizer(self) -> Path:
        """Folder of its tokenizer."""
        return self._folder / "tokenizer"

    def config(self) -> "PretrainedConfig":
        """Of its model."""
        from pocketbert.compress.models.pretrained import read_config

        folder = str(self._folder / "model")
        return read_config(folder, folder)

    def logits(self) -> NDArray[np.float32]:
        """Its logits on all training rows, (answers, labels)."""
        file = self._folder / "train.npy"
        with first_alone():
            self._took("logits", 0.0 if file.is_file() else self._ask(file))
        values: NDArray[np.float32] = np.load(file, allow_pickle=False)
        return values

    def _ask(self, file: Path) -> float:
        from pocketbert.compress.training.precision import quick_answers

        inputs, begin = self.tokens.train.inputs, time.monotonic()
        with self._progress.work("the teacher answers the training rows", len(inputs)) as bar:
            logits = quick_answers(self._on_its_device(), inputs, bar.advance)
        with atomic_write(file) as temporary:
            np.save(temporary, logits)
        return time.monotonic() - begin

    def _took(self, what: str, seconds: float) -> None:
        """Count a pass of so many seconds, 0 for none; those of earlier builds are kept beside the answers."""
        file = self._folder / "asked.json"
        known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self.asked += seconds
        self.spared += known.get(what, 0.0)
        if seconds:
            write_json(file, known | {what: known.get(what, 0.0) + seconds})

    def _on_its_device(self) -> "PreTrainedModel":
        from pocketbert.compress.training.precision import fastest_device

        return self._load().to(fastest_device())

    def features(self, keys: "Collection[Key]") -> "TeacherFeatures":
        """Its vectors at every token of the training rows.

        Raises:
            BadInput: the disk has no room for them.
        """
        from pocketbert.compress.training.states import TeacherFeatures

        ours = digest_of("pocketbert.compress.models.features", "pocketbert.compress.training.states")[:8]
        inputs, folder = self.tokens.train.inputs, self._folder / f"features-{ours}"
        with first_alone():
            found = TeacherFeatures(self._on_its_device, inputs, folder, keys, self._progress)
            self._took(folder.name, found.seconds)
        return found
