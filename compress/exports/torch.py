"""Hugging Face folders, for PyTorch users; the teacher is measured in this format."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketbert.compress.exports import COMPUTED_IN_FP32, INPUTS
from pocketbert.compress.models.int8 import quantize, save_quantized

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, kept: Mapping[str, str] = {}
) -> str | None:
    """Save `model` into the folder `path` as safetensors; the saved model accepts any `inputs`.

    An FP16 folder is half as large and any Hugging Face program can read it, but our runtime computes in FP32. Only our
    runtime can read an INT8 folder (`pocketbert.compress.models.int8`).

    Raises:
        ValueError: FP16 cannot hold a weight.
    """
    if precision == "int8":
        save_quantized(quantize(model, kept), path)
    elif precision == "fp16":
        halved = copy.deepcopy(model).half()
        if large := [name for name, weight in halved.named_parameters() if not weight.isfinite().all()]:
            raise ValueError(f"FP16 ends at 65,504, and {large[0]} has a larger value")
        halved.save_pretrained(path)
        return COMPUTED_IN_FP32
    else:
        model.save_pretrained(path)
    return None
