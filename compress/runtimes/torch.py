"""PyTorch on the CPU, over a Hugging Face folder or an INT8 one of ours."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.models.int8 import is_quantized, load_quantized
from pocketbert.compress.models.modeling_uneven import load_classifier

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch


class TorchSession:
    """A classifier in evaluation mode."""

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model = model.eval()

    @torch.inference_mode()
    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        inputs = {name: torch.from_numpy(np.asarray(values, dtype=np.int64)) for name, values in batch.items()}
        output: NDArray[np.float32] = self._model(**inputs).logits.float().numpy()
        return output


def open_session(path: Path, threads: int) -> TorchSession:
    """Open the folder `path` with `threads` intra-op threads (a setting of the whole process).

    Weights stored as FP16 are computed with in FP32: the CPU has kernels for little else.
    """
    torch.set_num_threads(threads)
    return TorchSession(load_quantized(path) if is_quantized(path) else load_classifier(path))


def threads() -> int:
    """The intra-op threads in force, the caller's among them."""
    return torch.get_num_threads()
