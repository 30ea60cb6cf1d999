"""An export of a model: how its file is addressed in the cache, written and run, whatever its format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import FORMATS, INPUTS, Tolerance
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, open_session, usable_threads
from pocketbert.compress.tasks.inputs import Inputs, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EXPORTED_TOKENIZER = "ship/tokenizer.json"
"""Path of the tokenizer of all exported files in the folder of a build."""
_PACKAGE = "pocketbert.compress"


@dataclass(frozen=True)
class Export:
    """A format in a precision.

    Attributes:
        inputs: names of the file's inputs, in order.
        keep_float: names of linear layers that stay in float in an INT8 file.
    """

    format: str
    precision: str
    inputs: Sequence[str] = INPUTS
    keep_float: Sequence[str] = ()

    @classmethod
    def of(cls, made: Mapping[str, Any], typed: bool) -> Self:
        """Return the export that an artifact step's parameters describe, for rows with or without token types."""
        inputs = (*INPUTS, *(["token_type_ids"] if typed else []))
        return cls(made["format"], made["precision"], inputs, made.get("keep_float", ()))

    @property
    def runtime(self) -> str:
        """Name of the runtime that opens the file."""
        return FORMATS[self.format].runtime

    @property
    def tolerance(self) -> Tolerance:
        """Largest allowed difference from the PyTorch source."""
        return FORMATS[self.format].precisions[self.precision]

    @property
    def name(self) -> str:
        """Name of the step, such as ``onnx-int8``."""
        return f"{self.format}-{self.precision}"

    def key(self, source: str, parameters: Mapping[str, Any], more: Sequence[str] = ()) -> str:
        """Compute the cache key of the file that is made from the model with the key `source`.

        The runtime's version is part of this key alone, so installing the extra `mobile` retrains nothing.

        Args:
            more: modules of ours that the step depends on besides the exporter and the runtime.
        """
        packages = ((RUNTIMES | EMULATED)[self.runtime], *FORMATS[self.format].made_with)
        versions = {package: version(package) for package in packages}
        ours = (f"{_PACKAGE}.exports.{self.format}", f"{_PACKAGE}.runtimes.{self.runtime}")
        return step_key(source, {**parameters, **versions}, (*ours, *more))

    def write(self, model: "PreTrainedModel", path: Path) -> str | None:
        """Write `model` to the file or folder `path` atomically; returns a remark about the file, if there is one."""
        module = import_module(f"{_PACKAGE}.exports.{self.format}")
        with atomic_write(path) as temporary:
            note: str | None = module.export(model, temporary, self.precision, self.inputs, self.keep_float)
        return note

    def predict(
        self, path: Path, inputs: Inputs, progress: Callable[[int], None] = lambda done: None
    ) -> NDArray[np.float32]:
        """Run the file at `path` in its own runtime; returns logits, (predictions, labels)."""
        session = open_session(self.runtime, path, usable_threads())
        return predict(session.logits, inputs, progress=progress)
