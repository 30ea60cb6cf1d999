"""PyTorch on the CPU, over a Hugging Face folder."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compress.modeling import load_classifier
from compress.runtimes import Batch


class TorchSession:
    """A checkpoint folder in evaluation mode."""

    def __init__(self, path: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        self._model = load_classifier(path).eval()

    @torch.inference_mode()
    def logits(self, batch: Batch) -> NDArray[np.float32]:
        inputs = {name: torch.from_numpy(np.asarray(values, dtype=np.int64)) for name, values in batch.items()}
        output: NDArray[np.float32] = self._model(**inputs).logits.float().numpy()
        return output


def open_session(path: Path, threads: int) -> TorchSession:
    """Open `path` with `threads` intra-op threads."""
    return TorchSession(path, threads)
