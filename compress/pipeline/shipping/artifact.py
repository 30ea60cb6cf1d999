"""How a recipe's artifact is made of a model, whatever its format, and how it is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import FORMATS, INPUTS
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, open_session, usable_threads
from pocketbert.compress.tasks.inputs import Inputs, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel


_PACKAGE = "pocketbert.compress"


@dataclass(frozen=True)
class Export:
    """A format in a precision.

    Attributes:
        inputs: what the file is given, in this order.
        keep_float: names of Linears that stay in float in an INT8 file.
    """

    format: str
    precision: str
    inputs: Sequence[str] = INPUTS
    keep_float: Sequence[str] = ()

    @property
    def runtime(self) -> str:
        """Which opens the file."""
        return FORMATS[self.format].runtime

    @classmethod
    def of(cls, made: Mapping[str, Any], rows: Inputs) -> Self:
        """The export that an artifact step's parameters describe, for a model that reads `rows`."""
        inputs = (*INPUTS, *(["token_type_ids"] if rows.types else []))
        return cls(made["format"], made["precision"], inputs, made.get("keep_float", ()))

    @property
    def name(self) -> str:
        """The step's name, such as ``onnx-int8``."""
        return f"{self.format}-{self.precision}"

    def key(self, source: str, parameters: Mapping[str, Any], more: Sequence[str] = ()) -> str:
        """Compute the cache key of the file that is made so from the model of the key `source`.

        The runtime's version belongs to this key alone: who installs the extra `mobile` need not train again.

        Args:
            more: modules of ours that the step depends on besides the exporter and the runtime.
        """
        packages = ((RUNTIMES | EMULATED)[self.runtime], *FORMATS[self.format].made_with)
        versions = {package: version(package) for package in packages}
        ours = (f"{_PACKAGE}.exports.{self.format}", f"{_PACKAGE}.runtimes.{self.runtime}")
        return step_key(source, {**parameters, **versions}, (*ours, *more))

    def write(self, model: "PreTrainedModel", path: Path) -> str | None:
        """`model` as the file or folder `path`, whole or not at all; returns what has to be said about it, if anything.

        What an exporter that fails has begun is removed.
        """
        module = import_module(f"{_PACKAGE}.exports.{self.format}")
        with atomic_write(path) as temporary:
            note: str | None = module.export(model, temporary, self.precision, self.inputs, self.keep_float)
        return note

    def answers(
        self, path: Path, inputs: Inputs, progress: Callable[[int], None] = lambda done: None
    ) -> NDArray[np.float32]:
        """Logits of the file at `path`, (answers, labels), in its own runtime."""
        session = open_session(self.runtime, path, usable_threads())
        return predict(session.logits, inputs, progress=progress)
