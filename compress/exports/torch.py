"""The model as a Hugging Face folder: what PyTorch users load, and what the teacher is weighed as."""

import copy
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketbert.compress.exports import COMPUTED_IN_FP32, INPUTS
from pocketbert.compress.models.int8 import quantize, save_quantized

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def export(
    model: "PreTrainedModel",
    path: Path,
    precision: str,
    inputs: Sequence[str] = INPUTS,
    keep_float: Collection[str] = (),
) -> str | None:
    """Save `model` into the folder `path` as safetensors; it can be given any `inputs`.

    In FP16 it is half as large, and any Hugging Face program reads it; the runtime here computes in FP32 all the same.
    An INT8 folder (`pocketbert.compress.models.int8`) is read by the runtime here only.

    Args:
        keep_float: Linears that stay FP32 in an INT8 folder.

    Returns:
        What has to be said about the folder, if anything.
    """
    if precision == "int8":
        save_quantized(quantize(model, keep_float), path)
    elif precision == "fp16":
        copy.deepcopy(model).half().save_pretrained(path)
        return COMPUTED_IN_FP32
    else:
        model.save_pretrained(path)
    return None
