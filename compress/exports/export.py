"""How a recipe's artifact is made of a model, whatever its format, and how it is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compress.cache import step_key
from compress.exports import FORMATS, INPUTS
from compress.files import whole
from compress.runtimes import ELSEWHERE, RUNTIMES, open_session, usable_threads
from compress.tasks.encoding import Inputs, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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

    def key(self, source: str, parameters: Mapping[str, Any], more: Sequence[str] = ()) -> str:
        """What stands for a file that is made so from the model of the key `source`; `more` are files of ours.

        Its runtime's version is not among the libraries of every step: who adds the extra `mobile` need not train anew.
        """
        packages = ((RUNTIMES | ELSEWHERE)[self.runtime], *FORMATS[self.format].made_with)
        versions = {package: version(package) for package in packages}
        exports = [f"exports/{name}.py" for name in (self.format, "half", "plain")]
        sources = [*exports, f"runtimes/{self.runtime}.py", "modeling.py", "quantized.py", *more]
        return step_key(source, {**parameters, **versions}, sources)

    def write(self, model: "PreTrainedModel", path: Path) -> str | None:
        """`model` as the file or folder `path`, whole or not at all; returns what has to be said about it, if anything.

        What an exporter that fails has begun is removed.
        """
        module = import_module(f"compress.exports.{self.format}")
        with whole(path) as temporary:
            note: str | None = module.export(model, temporary, self.precision, self.inputs, self.keep_float)
        return note

    def answers(
        self, path: Path, inputs: Inputs, padding: int, progress: Callable[[int], None] = lambda done: None
    ) -> NDArray[np.float32]:
        """Logits of the file at `path`, (answers, labels), in its own runtime."""
        session = open_session(self.runtime, path, usable_threads())
        return predict(session.logits, inputs, padding, progress=progress)
