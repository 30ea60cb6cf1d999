"""File -> logits, one module per runtime. A session opened here answers the same way whatever runs underneath.

A module has ``open_session(path, threads)``, and ``threads()`` if its runtime says how many are in force.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compress.errors import BadInput

Batch = Mapping[str, NDArray[np.int64]]
"""``input_ids`` and ``attention_mask``, of pairs perhaps ``token_type_ids``, each (rows, tokens)."""


class Session(Protocol):
    """An opened artifact."""

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Logits of a batch, (rows, labels)."""
        ...


RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "executorch": "executorch"}
"""Runtime -> the package that must be installed for it; the module here bears the runtime's name."""
_EXTRAS = {"executorch": "'pocketbert[mobile]'"}
"""Package -> what brings it in a version that we know."""


def open_session(runtime: str, path: Path, threads: int) -> Session:
    """Open the artifact at `path` with exactly `threads` intra-op threads.

    Raises:
        BadInput: unknown runtime, or one that is not installed.
    """
    require(runtime)
    session: Session = import_module(f"compress.runtimes.{runtime}").open_session(path, threads)
    return session


def usable_threads() -> int:
    """As many threads as this process has cores to run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(runtime: str) -> None:
    """Raise `BadInput` unless `runtime` is known and installed."""
    if runtime not in RUNTIMES:
        raise BadInput(f"unknown runtime {runtime!r}; legal: {', '.join(RUNTIMES)}")
    package = RUNTIMES[runtime]
    if find_spec(package) is None:
        raise BadInput(f"runtime {runtime!r} is not installed: pip install {_EXTRAS.get(package, package)}")
