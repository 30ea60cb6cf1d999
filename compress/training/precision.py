"""Where and how exactly a model answers: in BF16 to teach or to rank, in FP32 for the guard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch

_CPU = torch.device("cpu")
_BATCHES = {"cpu": 32, "cuda": 512}
"""Inputs that a device answers together: small batches leave a GPU idle."""
_COMPARED = 64
"""Predictions of another device that are compared with the CPU's."""
_EXACT = 1e-4
"""Largest difference from the CPU's logits that counts as exact, relative to the largest logit if that is above 1."""


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
    with autocast(device.type):
        found = _answers(model, inputs, progress)
    model.train(training)
    return found


@torch.inference_mode()
def exact_logits(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Compute the logits (answers, labels) of `inputs` in FP32, on the `fastest_device` if that one is exact.

    A GPU is exact if, without TF32, its first logits are those of the CPU within 1e-4; otherwise the CPU answers.
    The model is on the CPU before and after.
    """
    model.eval()
    device = fastest_device()
    if device != _CPU:
        with _all_bits():
            found = _answers(model.to(device), inputs, progress)
        few = inputs.chosen(range(min(len(inputs), _COMPARED)))
        if _agree(found[: few.ends[-1]], predict(TorchSession(model.cpu()).logits, few)):
            return found
    return predict(TorchSession(model).logits, inputs, _BATCHES["cpu"], progress)


def _answers(model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None]) -> NDArray[np.float32]:
    device = next(model.parameters()).device

    def logits(batch: "Batch") -> NDArray[np.float32]:
        return np.asarray(model(**as_tensors(batch, device)).logits.float().cpu())

    return predict(logits, inputs, _BATCHES[device.type], progress)


@contextmanager
def _all_bits() -> Iterator[None]:
    """Forbid products of matrices that drop bits of FP32 numbers (TF32)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _agree(found: NDArray[np.float32], cpu: NDArray[np.float32]) -> bool:
    return float(np.abs(found - cpu).max()) <= _EXACT * max(1.0, float(np.abs(cpu).max()))
