"""The fine-tuned teacher, asked once about each training row; what it said is kept beside it."""

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compress.cache import source_digest
from compress.data import Tokens
from compress.files import whole, write_json
from compress.manifest import Step
from compress.processes import first_alone
from compress.progress import Progress

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from compress.features import Key
    from compress.teacher_features import TeacherFeatures


class Teacher:
    """Answers for the teacher out of its folder, which the cache has addressed by model, tokenizer and rows.

    Args:
        folder: the step's; logits and features are kept in it.
        tokens: the rows as the teacher's own tokenizer cuts them.
        load: loads the model, where it has to be asked.
    """

    def __init__(self, folder: Path, tokens: Tokens, load: "Callable[[], PreTrainedModel]", progress: Progress) -> None:
        self._folder, self._load, self._progress = folder, load, progress
        self.tokens = tokens
        self.asked = self.spared = 0.0
        """Seconds: what asking took this time, and what it had taken for the answers that were at hand."""

    @property
    def key(self) -> str:
        """What stands for model, tokenizer and rows."""
        return Step.model_validate_json((self._folder / "stage.json").read_text(encoding="utf-8")).key

    @property
    def tokenizer(self) -> Path:
        """Folder of its tokenizer."""
        return self._folder / "tokenizer"

    def config(self) -> "PretrainedConfig":
        """Of its model."""
        from compress.sources import read_config

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
        from compress.bf16 import quick_answers

        inputs, begin = self.tokens.train.inputs, time.monotonic()
        with self._progress.work("the teacher answers the training rows", len(inputs)) as bar:
            logits = quick_answers(self._on_its_device(), inputs, self.tokens.padding, bar.advance)
        with whole(file) as temporary:
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
        from compress.bf16 import fastest_device

        return self._load().to(fastest_device())

    def features(self, keys: "Collection[Key]") -> "TeacherFeatures":
        """Its vectors at every token of the training rows.

        Raises:
            BadInput: the disk has no room for them.
        """
        from compress.teacher_features import TeacherFeatures

        ours = "".join(source_digest(name)[:4] for name in ("features.py", "teacher_features.py"))
        inputs, folder = self.tokens.train.inputs, self._folder / f"features-{ours}"
        with first_alone():
            found = TeacherFeatures(self._on_its_device, inputs, self.tokens.padding, folder, keys, self._progress)
            self._took(folder.name, found.seconds)
        return found
