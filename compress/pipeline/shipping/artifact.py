"""An export of a model: how its file is addressed in the cache, written and run, whatever its format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import FORMATS, INPUTS, Tolerance, file_name, module_name, step_name
from pocketbert.compress.pipeline.cache import step_key
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, require, require_package, usable_threads
from pocketbert.compress.runtimes.scoring import open_scorer
from pocketbert.compress.tasks.inputs import Inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EXPORTED_TOKENIZER = "ship/tokenizer.json"
"""Path of the tokenizer of all exported files in the folder of a build."""
_PACKAGE = "pocketbert.compress"


def require_exporter(format_: str, precision: str) -> None:
    """Raise `BadInput` unless everything is installed that writes and opens files of the format and precision."""
    known = FORMATS[format_]
    require(known.runtime)
    for package in known.made_with:
        require_package(package, f"{package}, which writes {format_} files,")
    runtime = (RUNTIMES | EMULATED)[known.runtime]
    needed = known.needs.get(precision)
    if needed and _numbers(installed := version(runtime)) < _numbers(needed):
        raise BadInput(f"{runtime} {installed} does not open {precision} files: pip install '{runtime}>={needed}'")


def _numbers(version_: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version_.split(".")[:2])


@dataclass(frozen=True)
class Export:
    """A format in a precision.

    Attributes:
        inputs: names of the file's inputs, in order.
        kept: linear layers and embeddings -> the precision that they keep instead: "float", or "int8" in an INT4 file.
        lengths: lengths of texts that the file takes, in increasing order; empty: any length.
        rows: training rows for calibration, where the format needs them.
    """

    format: str
    precision: str
    inputs: Sequence[str] = INPUTS
    kept: Mapping[str, str] = field(default_factory=dict)
    lengths: Sequence[int] = ()
    rows: Inputs | None = None

    @classmethod
    def of(cls, made: Mapping[str, Any], typed: bool, rows: Inputs | None = None) -> Self:
        """Return the export that an artifact step's parameters describe, for rows with or without token types."""
        inputs = (*INPUTS, *(["token_type_ids"] if typed else []))
        return cls(made["format"], made["precision"], inputs, made.get("kept", {}), made.get("lengths", ()), rows)

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
        return step_name(self.format, self.precision, self.lengths)

    @property
    def file(self) -> str:
        """Name of the file, such as ``student-int8.onnx``."""
        return file_name(self.format, self.precision, self.lengths)

    def key(self, source: str, parameters: Mapping[str, Any], more: Sequence[str] = ()) -> str:
        """Compute the cache key of the file that is made from the model with the key `source`.

        The runtime's version is part of this key alone, so installing the extra `mobile` retrains nothing.

        Args:
            more: modules of ours that the step depends on besides the exporter and the runtime.
        """
        packages = ((RUNTIMES | EMULATED)[self.runtime], *FORMATS[self.format].made_with)
        versions = {package: version(package) for package in packages}
        ours = (module_name(self.format), f"{_PACKAGE}.runtimes.{self.runtime}")
        return step_key(source, {**parameters, **versions}, (*ours, *more))

    def write(self, model: "PreTrainedModel", path: Path) -> str | None:
        """Write `model` to the file or folder `path` atomically; returns a remark about the file, if there is one."""
        module = import_module(module_name(self.format))
        more = [given for given in (self.lengths, self.rows) if given]
        with atomic_write(path) as temporary:
            note: str | None = module.export(model, temporary, self.precision, self.inputs, self.kept, *more)
        return note

    def min_runtime(self, path: Path) -> str | None:
        """Return the oldest runtime that opens the file at `path`, such as ``ONNX Runtime 1.12``; None: not known."""
        oldest = getattr(import_module(module_name(self.format)), "min_runtime", None)
        return oldest(path) if oldest else None

    def predict(
        self, path: Path, inputs: Inputs, progress: Callable[[int], None] = lambda done: None
    ) -> NDArray[np.float32]:
        """Run the file at `path` in its own runtime; returns logits, (predictions, labels)."""
        return open_scorer(self.runtime, path, usable_threads())(inputs, progress)
