"""Embedding matrices of INT8 and INT4 files: a scale for each row."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from transformers import PreTrainedModel

from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.rounding import round_rows
from pocketbert.compress.runtimes import open_session
from tests.support.exports import BATCH
from tests.support.models import write_any_model

WORDS = "bert.embeddings.word_embeddings"


def held(path: Path, part: str) -> np.ndarray:
    """Return the integers or scales of the word embeddings in a file."""
    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    [name] = [name for name in tensors if name.endswith(f"word_embeddings.weight{part}")]
    return numpy_helper.to_array(tensors[name])


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_one_large_row_costs_the_other_rows_nothing(precision: str, wide: PreTrainedModel, tmp_path: Path) -> None:
    """With one scale for the matrix, a row × 300 of a token that no text has ruined every text."""
    used = set(BATCH["input_ids"].flatten().tolist())
    unused = next(token for token in range(wide.config.vocab_size) if token not in used)
    row = wide.get_input_embeddings().weight[unused]
    answers = []
    for factor, name in ((1.0, "plain.onnx"), (300.0, "planted.onnx")):
        with torch.no_grad():
            row *= factor
        onnx_export.export(wide, tmp_path / name, precision)
        answers.append(open_session("onnxruntime", tmp_path / name, 1).logits(BATCH))
    with torch.no_grad():
        row /= 300.0
    assert np.array_equal(*answers)
    sizes = [(tmp_path / name).stat().st_size for name in ("plain.onnx", "planted.onnx")]
    assert sizes[0] == sizes[1]


def test_an_int8_file_has_integers_and_a_scale_per_row(wide: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(wide, tmp_path / "m.onnx", "int8")
    integers, scales = round_rows(wide.get_input_embeddings().weight.detach().numpy(), "int8")
    for part, expected in (("_quantized", integers), ("_scale", scales)):
        found = held(tmp_path / "m.onnx", part)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_an_int4_file_has_two_integers_in_a_byte(wide: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(wide, tmp_path / "m.onnx", "int4")
    integers, scales = round_rows(wide.get_input_embeddings().weight.detach().numpy(), "int4")
    packed = held(tmp_path / "m.onnx", "_quantized")
    assert (packed.dtype, packed.shape) == (np.uint8, (64, 32))
    assert np.array_equal(np.hstack([packed & 15, packed >> 4]).astype(np.int8) - 8, integers)
    assert np.array_equal(held(tmp_path / "m.onnx", "_scale"), scales)


@pytest.mark.parametrize(("to", "dtype"), [("int8", np.int8), ("float", np.float32)])
def test_a_matrix_goes_back_a_precision(to: str, dtype: type, wide: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(wide, tmp_path / "m.onnx", "int4", kept={WORDS: to})
    assert held(tmp_path / "m.onnx", "" if to == "float" else "_quantized").dtype == dtype
    open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)


def test_a_matrix_that_the_graph_does_not_look_up_is_passed_over(wide: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(wide, tmp_path / "m.onnx", "int4", kept={"bert.embeddings.token_type_embeddings": "int8"})
    onnx_export.export(wide, tmp_path / "plain.onnx", "int4")
    assert (tmp_path / "m.onnx").read_bytes() == (tmp_path / "plain.onnx").read_bytes()


def test_rows_of_an_odd_width_stay_int8(tmp_path: Path) -> None:
    sizes = {"vocab_size": 64, "hidden_size": 45, "num_attention_heads": 5}
    model = load_classifier(write_any_model(tmp_path, "bert", **sizes)).eval()
    onnx_export.export(model, tmp_path / "m.onnx", "int4")
    assert held(tmp_path / "m.onnx", "_quantized").dtype == np.int8
    open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
