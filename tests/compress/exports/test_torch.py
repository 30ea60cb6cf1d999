"""Hugging Face folders in each precision, opened again by our runtime."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from pocketbert.compress.exports import COMPUTED_IN_FP32
from pocketbert.compress.exports import torch as torch_export
from pocketbert.compress.models.int8 import WEIGHTS
from pocketbert.compress.runtimes import open_session
from tests.support.exports import BATCH, PAIRS, rounded


def test_a_float_folder_answers_exactly_as_its_source(
    model: torch.nn.Module, logits: np.ndarray, tmp_path: Path
) -> None:
    assert torch_export.export(model, tmp_path / "m", "fp32") is None
    assert np.array_equal(open_session("torch", tmp_path / "m", 1).logits(BATCH), logits)


def test_a_folder_is_stored_in_fp16_and_computed_in_fp32(paired: torch.nn.Module, tmp_path: Path) -> None:
    assert torch_export.export(paired, tmp_path, "fp16") == COMPUTED_IN_FP32
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    answer = open_session("torch", tmp_path, 1).logits(PAIRS)
    assert np.array_equal(answer, rounded(paired, 1))
    assert not np.array_equal(answer, rounded(paired, 9))
    assert paired.dtype == torch.float32, "the model itself was rounded"


def test_an_int8_folder_keeps_the_named_linear_layers_in_float(
    model: torch.nn.Module, logits: np.ndarray, tmp_path: Path
) -> None:
    kept = "bert.encoder.layer.0.intermediate.dense"
    weight = model.get_submodule(kept).weight.detach().clone()
    assert torch_export.export(model, tmp_path / "m", "int8", kept={kept: "float"}) is None
    floats = {
        name
        for name, tensor in load_file(tmp_path / "m" / WEIGHTS).items()
        if tensor.dtype == torch.float32 and tensor.shape == weight.shape
    }
    assert floats == {f"{kept}.weight"}
    assert torch.equal(model.get_submodule(kept).weight, weight), "the model itself was quantized"
    answer = open_session("torch", tmp_path / "m", 1).logits(BATCH)
    assert 0 < np.abs(answer - logits).max() < 0.1
