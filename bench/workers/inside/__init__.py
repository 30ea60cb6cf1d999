"""Reads the tensors of an artifact and profiles its operators, one module per runtime.

A module bears the runtime's name and has ``tensors(path)``, ``profile(file, threads, batches)``, or both; nothing else
here knows runtimes. Neither function is called during a timed run.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from pocketbert.bench.workers.file import File
from pocketbert.compress.tasks.inputs import Batch


class Tensor(NamedTuple):
    """A weight or another constant; `dtype` is NumPy's name."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


class Operator(NamedTuple):
    """All nodes of one kind: their number and their total time, ms, per request; None: the runtime times no nodes."""

    name: str
    nodes: float
    ms: float | None


def tensors(runtime: str, path: Path) -> list[Tensor] | None:
    """Return the tensors of an artifact; None: there is no reader for the runtime's files, or the file is broken."""
    found: Callable[[Path], list[Tensor]] | None = _function(runtime, "tensors")
    if found is None:
        return None
    try:
        return found(path)
    except Exception:  # whatever a parser raises on a broken file; the measurements report it
        return None


def profile(file: File, threads: int, batches: Sequence[Batch]) -> list[Operator] | None:
    """Return the operators that run for these requests; None: the runtime has no profiler."""
    found: Callable[..., list[Operator]] | None = _function(file.runtime, "profile")
    return found(file, threads, batches) if found else None


def _function(runtime: str, name: str) -> Any:
    module = f"{__name__}.{runtime}"
    return getattr(import_module(module), name, None) if find_spec(module) else None
