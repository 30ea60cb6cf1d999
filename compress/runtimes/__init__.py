"""File -> logits, one module per runtime. A session opened here answers the same way whatever runs underneath.

A module has ``open_session(path, threads)``, and ``threads()`` if its runtime says how many are in force.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch


class Session(Protocol):
    """An opened artifact."""

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        """Logits of a batch, (rows, labels)."""
        ...


RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "executorch": "executorch"}
"""Runtime -> the package that must be installed for it; the module here bears the runtime's name."""
EMULATED = {"coreml": "coremltools"}
"""Runtimes of other systems -> the package that works out what their files say. That is not worth timing: such a file
is weighed by its size alone.
"""
_EXTRAS = dict.fromkeys(("coremltools", "executorch"), "'pocketbert[mobile]'")
"""Package -> what brings it in a version that we know."""


def open_session(runtime: str, path: Path, threads: int, inputs: Mapping[str, str] | None = None) -> Session:
    """Open the artifact at `path` with exactly `threads` intra-op threads.

    Args:
        inputs: what the artifact calls its inputs, where it is not as we do: its name -> ours, in its order. Only a
            runtime of single files is given any.

    Raises:
        BadInput: unknown runtime, or one that is not installed.
    """
    require(runtime)
    module = import_module(f"pocketbert.compress.runtimes.{runtime}")
    session: Session = module.open_session(path, threads, inputs) if inputs else module.open_session(path, threads)
    return session


def usable_threads() -> int:
    """As many threads as this process has cores to run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(runtime: str) -> None:
    """Raise `BadInput` unless `runtime` is known and installed."""
    packages = RUNTIMES | EMULATED
    if runtime not in packages:
        raise BadInput(f"unknown runtime {runtime!r}; legal: {', '.join(packages)}")
    if find_spec(packages[runtime]) is None:
        package = packages[runtime]
        raise BadInput(f"runtime {runtime!r} is not installed: pip install {_EXTRAS.get(package, package)}")
