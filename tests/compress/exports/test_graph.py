"""Embedding matrices of INT8 files: a scale for each row."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import PreTrainedModel

from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports.graph import LEVELS, round_rows
from pocketbert.compress.runtimes import open_session
from tests.support.exports import BATCH


def test_each_row_is_rounded_on_a_grid_of_its_own() -> None:
    values = np.array([[1.0, -2.0, 0.5], [300.0, 1.0, -299.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    integers, scales = round_rows(values)
    assert (integers.dtype, scales.shape) == (np.int8, (3, 1))
    back = integers * scales.astype(np.float32)
    assert np.abs(back[:2] - values[:2]).max(axis=1) == pytest.approx([0, 0], abs=300 / LEVELS / 2)
    assert np.abs(back[0] - values[0]).max() <= 2.0 / LEVELS / 2 * 1.01
    assert not back[2].any()


def test_one_large_row_costs_the_other_rows_nothing(model: PreTrainedModel, tmp_path: Path) -> None:
    """Case c12: with one scale for the matrix, a row × 300 of a token that no text has ruined every text."""
    used = set(BATCH["input_ids"].flatten().tolist())
    unused = next(token for token in range(model.config.vocab_size) if token not in used)
    answers = []
    for factor, name in ((1.0, "plain.onnx"), (300.0, "planted.onnx")):
        with torch.no_grad():
            model.get_input_embeddings().weight[unused] *= factor
        onnx_export.export(model, tmp_path / name, "int8")
        answers.append(open_session("onnxruntime", tmp_path / name, 1).logits(BATCH))
    with torch.no_grad():
        model.get_input_embeddings().weight[unused] /= 300.0
    assert np.array_equal(*answers)
    sizes = [(tmp_path / name).stat().st_size for name in ("plain.onnx", "planted.onnx")]
    assert sizes[0] == sizes[1]


def test_the_file_has_integers_and_a_scale_per_row(model: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "int8")
    held = {tensor.name: tensor for tensor in onnx.load(tmp_path / "m.onnx").graph.initializer}
    integers = next(tensor for name, tensor in held.items() if name.endswith("word_embeddings.weight_quantized"))
    scales = held[integers.name.replace("_quantized", "_scale")]
    assert (integers.data_type, scales.data_type) == (onnx.TensorProto.INT8, onnx.TensorProto.FLOAT16)
    assert list(scales.dims) == [integers.dims[0], 1]
