"""Runtimes: file -> logits. A new runtime is one file here and its line in `RUNTIMES`.

A module has ``open_session(path, threads)``, for runtimes of single files with ``inputs`` as well; ``threads()`` if the
runtime reports its number of threads; and ``THREAD_SAFE = True`` if several threads may call one session at once.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput, install_hint

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch


class Session(Protocol):
    """An opened artifact.

    A session may have ``batch``, the number of texts that it answers together without a change of any logit beyond
    rounding; without it texts are scored one at a time (`pocketbert.compress.runtimes.scoring`).
    """

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        """Compute the logits of a batch, (rows, labels) or (rows, tokens, labels)."""
        ...


RUNTIMES = {
    "torch": "torch",
    "onnxruntime": "onnxruntime",
    "executorch": "executorch",
    "litert": "ai_edge_litert",
}
"""Runtime -> the package that it needs; the module here has the runtime's name."""
EMULATED = {"coreml": "coremltools"}
"""Runtimes of other platforms -> the package that emulates them. Their files are verified and sized, never timed."""


def open_session(runtime: str, path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> Session:
    """Open the artifact at `path` with exactly `threads` intra-op threads.

    Args:
        inputs: the artifact's names of its inputs, if they differ from ours: its name -> ours, in its order. Only for
            runtimes of single files.

    Raises:
        BadInput: the runtime is unknown or not installed.
    """
    require(runtime)
    module = import_module(f"{__name__}.{runtime}")
    session: Session = module.open_session(path, threads, inputs) if inputs else module.open_session(path, threads)
    return session


def usable_threads() -> int:
    """Return the number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(runtime: str) -> None:
    """Raise `BadInput` unless `runtime` is known and installed."""
    packages = RUNTIMES | EMULATED
    if runtime not in packages:
        raise BadInput(f"unknown runtime {runtime!r}; allowed: {', '.join(packages)}")
    require_package(packages[runtime], f"runtime {runtime!r}")


def require_package(package: str, what: str) -> None:
    """Raise `BadInput`, which says how to install `what`, unless its `package` is installed."""
    if find_spec(package) is None:
        raise BadInput(f"{what} is not installed: {install_hint(package)}")
