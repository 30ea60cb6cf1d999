"""PyTorch on the CPU, for Hugging Face folders and our INT8 folders."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.models.int8 import is_quantized, load_quantized
from pocketbert.compress.models.pretrained import load_classifier

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch


_BATCH = 32
"""Texts that a float model answers together: padding and company change its logits by rounding alone."""


class TorchSession:
    """A classifier in evaluation mode.

    Args:
        batch: texts that are scored together; 1 for a model whose activations are quantized dynamically.
    """

    def __init__(self, model: "PreTrainedModel", batch: int = _BATCH) -> None:
        self._model, self.batch = model.eval(), batch

    @torch.inference_mode()
    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        inputs = {name: torch.from_numpy(np.asarray(values, dtype=np.int64)) for name, values in batch.items()}
        output: NDArray[np.float32] = self._model(**inputs).logits.float().numpy()
        return output


def open_session(path: Path, threads: int) -> TorchSession:
    """Open the folder `path` with `threads` intra-op threads (a setting of the whole process).

    Weights stored in FP16 are converted to FP32, because the CPU has few kernels for FP16.
    """
    torch.set_num_threads(threads)
    return TorchSession(load_quantized(path), batch=1) if is_quantized(path) else TorchSession(load_classifier(path))


def threads() -> int:
    """Return the number of intra-op threads, including the caller's."""
    return torch.get_num_threads()
