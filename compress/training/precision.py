"""BF16 where the processor computes it natively: for training, and for answers that only teach or choose."""

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
    """Whether the `fastest_device` computes in BF16 natively; emulated it is several times slower than FP32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def fastest_device() -> torch.device:
    """A GPU where there is one, as training takes it: for passes over all rows that only teach or choose."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: str = "cpu") -> torch.autocast:
    """Matrix multiplications in BF16 where `has_bf16`; as they are elsewhere."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bf16())


@torch.inference_mode()
def quick_answers(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Logits (answers, labels) of `inputs` on the model's device, its dropout off meanwhile.

    They may be wrong in the third digit, so they are nothing that a guard or a gate may judge.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()

    def logits(batch: "Batch") -> NDArray[np.float32]:
        on_device = as_tensors(batch, device)
        with autocast(device.type):
            return np.asarray(model(**on_device).logits.float().cpu())

    answers = predict(logits, inputs, progress=progress)
    model.train(training)
    return answers
