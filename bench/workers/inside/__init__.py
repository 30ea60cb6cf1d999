"""What is inside an artifact, one module per runtime: its tensors, and the operators it spends its time on.

A module bears the runtime's name and has ``tensors(path)`` and ``profile(path, threads, batches)``, or the one of the
two that its runtime allows; nothing else here knows of runtimes. Where a runtime's sessions take `inputs`, its profile
does too. None of it is part of a timed run.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from pocketbert.compress.tasks.inputs import Batch


class Tensor(NamedTuple):
    """A weight or another constant; `dtype` is named as NumPy names it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


class Operator(NamedTuple):
    """All nodes of one kind: how many ran per request, and how long they took together, ms per request."""

    name: str
    nodes: float
    ms: float


def tensors(runtime: str, path: Path) -> list[Tensor] | None:
    """The tensors of an artifact; None where its runtime's files cannot be read so, or this one cannot."""
    found: Callable[[Path], list[Tensor]] | None = _function(runtime, "tensors")
    if found is None:
        return None
    try:
        return found(path)
    except Exception:  # whatever a parser raises on a broken file; that it is broken is for the weighing to find
        return None


def profile(
    runtime: str, path: Path, threads: int, batches: Sequence[Batch], inputs: Mapping[str, str] | None = None
) -> list[Operator] | None:
    """The operators that these requests run through; None where the runtime has no profiler.

    Args:
        inputs: as `pocketbert.compress.runtimes.open_session`'s.
    """
    found: Callable[..., list[Operator]] | None = _function(runtime, "profile")
    if found is None:
        return None
    return found(path, threads, batches, inputs) if inputs else found(path, threads, batches)


def _function(runtime: str, name: str) -> Any:
    module = f"{__name__}.{runtime}"
    return getattr(import_module(module), name, None) if find_spec(module) else None
