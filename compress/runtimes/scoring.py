"""Opens a file to score many texts, each of them answered as an app asks: no text changes the answer to another one."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.runtimes import open_session, require
from pocketbert.compress.tasks.inputs import predict

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Inputs


class Scorer(Protocol):
    """Runs inference like `pocketbert.compress.tasks.inputs.predict`."""

    def __call__(self, texts: "Inputs", progress: Callable[[int], None] = ...) -> NDArray[np.float32]:
        """Return the logits in the order of the texts, (predictions, labels)."""
        ...


def open_scorer(runtime: str, path: Path, cores: int, inputs: Mapping[str, str] | None = None) -> Scorer:
    """Open the artifact at `path` to answer texts on `cores` cores.

    A dynamically quantized file scales its activations by the whole batch, so that even texts of equal length change
    each other's logits. Therefore texts are answered one at a time, unless the session says by ``batch`` how many it
    takes together. A session of a thread-safe runtime is shared by `cores` threads with one text each; another
    runtime spends `cores` intra-op threads on one text after the other.

    Args:
        inputs: see `pocketbert.compress.runtimes.open_session`.

    Raises:
        BadInput: the runtime is unknown or not installed.
    """
    require(runtime)
    module = import_module(f"{__package__}.{runtime}")
    workers = cores if getattr(module, "THREAD_SAFE", False) else 1
    session = open_session(runtime, path, cores // workers, inputs)

    def score(texts: "Inputs", progress: Callable[[int], None] = lambda done: None) -> NDArray[np.float32]:
        return predict(session.logits, texts, getattr(session, "batch", 1), progress, workers)

    return score
