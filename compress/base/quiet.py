"""How much a command shows: its progress, and log messages and progress bars of libraries. Errors are always raised."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from enum import Enum
from io import StringIO


class Verbosity(Enum):
    """How much a command shows besides its result."""

    QUIET = "nothing"
    NORMAL = "progress"
    VERBOSE = "progress, and what the libraries log"


_shown = Verbosity.NORMAL
_SETTINGS = {
    "DATASETS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # transformers follows it
    "HF_HUB_VERBOSITY": "error",  # or it logs each failed request to the Hub twice
    "TF_ENABLE_ONEDNN_OPTS": "0",  # LiteRT's converter says at every log level that it is on
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Environment variables that the libraries read when they are imported. Some commands import none of them."""


def show(wanted: Verbosity) -> None:
    """Set how much this process shows from now on."""
    global _shown
    _shown = wanted


def shown() -> Verbosity:
    """Return how much this process shows."""
    return _shown


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard what this process prints to standard error, as libraries in C++ do past `sys.stderr`.

    With `Verbosity.VERBOSE` nothing is discarded.
    """
    if _shown is Verbosity.VERBOSE:
        yield
        return
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def quiet() -> None:
    """Silence progress bars, hints and warnings of the Hugging Face libraries and of torch in this process.

    With `Verbosity.VERBOSE` nothing is silenced.
    """
    if _shown is Verbosity.VERBOSE:
        return
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR)  # only the first call counts; XNNPACK's partitioner would show warnings
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)  # torchao registers types a second time
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime.quantization logs hints to the root logger

    if "huggingface_hub" in sys.modules:
        import huggingface_hub

        huggingface_hub.logging.set_verbosity(logging.ERROR)
    if "datasets" in sys.modules:
        import datasets

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity_error()
    if "transformers" in sys.modules:
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
