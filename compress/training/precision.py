"""BF16 on processors that compute it natively: for training, and for predictions that only teach or rank."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.tasks.inputs import Inputs, as_tensors, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch


def has_bf16() -> bool:
    """Return whether the `fastest_device` computes in BF16 natively; emulated, BF16 is much slower than FP32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def fastest_device() -> torch.device:
    """Return the GPU if there is one, else the CPU: for training and for runs over all rows that only teach or rank."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: str = "cpu") -> torch.autocast:
    """Return a context in which matrix multiplications use BF16, if `has_bf16`."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bf16())


@torch.inference_mode()
def fast_logits(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Compute the logits (answers, labels) of `inputs` on the model's device, without dropout, in BF16 if `has_bf16`.

    They are accurate to about two digits: for training and ranking, never for the guard or the gate.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()

    def logits(batch: "Batch") -> NDArray[np.float32]:
        on_device = as_tensors(batch, device)
        with autocast(device.type):
            return np.asarray(model(**on_device).logits.float().cpu())

    found = predict(logits, inputs, progress=progress)
    model.train(training)
    return found
