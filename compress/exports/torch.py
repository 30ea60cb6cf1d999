"""The model as a Hugging Face folder: what PyTorch users load, and what the teacher is weighed as."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compress.exports import INPUTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def export(
    model: "PreTrainedModel",
    path: Path,
    precision: str,
    inputs: Sequence[str] = INPUTS,
    keep_float: Collection[str] = (),
) -> None:
    """Save `model` into the folder `path` as safetensors; it can be given any `inputs`."""
    model.save_pretrained(path)
