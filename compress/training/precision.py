"""Where and how exactly a model answers: in BF16 to teach or to rank, in FP32 for the guard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pocketbert.compress.tasks.inputs import Inputs, as_tensors, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch

_CPU = torch.device("cpu")
_BATCH = 32
_GPU_BATCH, _GPU_TOKENS = 512, 65_536
"""Most texts, and tokens, that a GPU answers together: small batches leave it idle."""
_COMPARED = 64
"""Inputs, from the shortest to the longest, on which another device is compared with the CPU."""
_EXACT = 5e-5
"""Largest difference from the CPU's logits that counts as exact: half of what an exported FP32 file may differ by."""


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


def fast_logits(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Compute the logits (answers, labels) of `inputs` on the model's device, without dropout, in BF16 if `has_bf16`.

    They are accurate to about two digits: for training and ranking, never for the guard or the gate.
    """
    training = model.training
    model.eval()
    with autocast(model.device.type):
        found = _answers(model, inputs, progress)
    model.train(training)
    return found


def exact_logits(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Compute the logits (answers, labels) of `inputs` in FP32, on the `fastest_device` if that one is exact.

    A GPU is exact if, without TF32, its logits of 64 inputs of all lengths are those of the CPU within 5e-5 (of a tenth
    of the largest logit, if that is above 10). Otherwise, or if its memory is too small, the CPU answers. The model is
    on the CPU before and after.
    """
    model.eval()
    device = fastest_device()
    with _all_bits():
        if device == _CPU:
            return _answers(model, inputs, progress)
        try:
            found = _answers(model.to(device), inputs, progress)
        except torch.OutOfMemoryError:
            found = None
        finally:
            model.to(_CPU)
        return found if found is not None and _agree(found, model, inputs) else _answers(model, inputs)


@torch.inference_mode()
def _answers(
    model: "PreTrainedModel", inputs: Inputs, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    longest, size = max(map(len, inputs.sequences)), _BATCH
    if model.device.type == "cuda":
        size = max(_BATCH, min(_GPU_BATCH, _GPU_TOKENS // longest))

    def logits(batch: "Batch") -> NDArray[np.float32]:
        return np.asarray(model(**as_tensors(batch, model.device)).logits.float().cpu())

    return predict(logits, inputs, size, progress)


@contextmanager
def _all_bits() -> Iterator[None]:
    """Forbid products of matrices that drop bits of FP32 numbers (TF32)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _agree(found: NDArray[np.float32], model: "PreTrainedModel", inputs: Inputs) -> bool:
    """Return whether logits of another device are the CPU's, on inputs of all lengths."""
    order = np.argsort([len(sequence) for sequence in inputs.sequences], kind="stable")
    few = order[np.linspace(0, len(order) - 1, min(len(order), _COMPARED)).round().astype(np.intp)]
    cpu = _answers(model, inputs.chosen(few))
    largest = float(np.abs(cpu).max(initial=0))
    return float(np.abs(found[inputs.answers(few)] - cpu).max(initial=0)) <= _EXACT * max(1.0, largest / 10)
