"""Statically quantized files: integers and their scales in the graph, one length, one text, calibrated on rows."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from transformers import PreTrainedModel

from pocketbert.compress.exports import onnx_qdq
from pocketbert.compress.models.families import is_token_level
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import Inputs, pad
from tests.support.exports import BATCH, PAIRS, without_pocketbert
from tests.support.models import SEQUENCES, write_any_model

ROWS = Inputs(SEQUENCES, 0)
IDS = ("input_ids", "attention_mask")


def made(model: torch.nn.Module, path: Path, rows: Inputs = ROWS, **kept: str) -> str:
    return onnx_qdq.export(model, path, "int8", IDS, kept, (24,), rows)  # type: ignore[arg-type]


def test_one_text_of_one_length_is_answered_as_the_source(
    model: PreTrainedModel, logits: np.ndarray, tmp_path: Path
) -> None:
    note = made(model, tmp_path / "m.onnx")
    assert "truncated" not in note
    written = onnx.load(tmp_path / "m.onnx")
    assert (written.ir_version, [opset.version for opset in written.opset_import if not opset.domain]) == (8, [17])
    graph = written.graph
    shapes = {
        each.name: (each.type.tensor_type.elem_type, [axis.dim_value for axis in each.type.tensor_type.shape.dim])
        for each in (*graph.input, *graph.output)
    }
    assert shapes == {**dict.fromkeys(IDS, (TensorProto.INT32, [1, 24])), "logits": (TensorProto.FLOAT, [1, 2])}
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
    assert 0 < np.abs(answer - logits).max() < 0.2
    padded = np.pad(BATCH["input_ids"][:1], ((0, 0), (0, 24 - BATCH["input_ids"].shape[1])))
    assert np.abs(without_pocketbert(tmp_path / "m.onnx", padded) - answer[:1]).max() < 1e-6
    assert "made for NPUs: on a CPU it takes about 1.2 times as long" in note
    assert "NNAPI would take " in note
    assert "Core ML would take " in note
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_every_product_has_integers_and_scales_that_are_known_beforehand(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    made(model, tmp_path / "m.onnx")
    graph = onnx.load(tmp_path / "m.onnx").graph
    kinds = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert not [kind for kind in kinds if kind.startswith("Dynamic") or kind.endswith("Integer")]
    scaled = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    products = [node for node in graph.node if node.op_type in ("Gemm", "MatMul")]
    assert len(products) > 4 * 4
    assert all(set(node.input[:2]) <= scaled for node in products)
    floats = [t for t in graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 2 and min(t.dims) > 2]
    assert [t.name for t in floats if 24 not in t.dims] == [], "a matrix is left in float"


def test_no_weight_overflows_where_there_is_no_vnni(model: PreTrainedModel, tmp_path: Path) -> None:
    made(model, tmp_path / "m.onnx")
    held = [onnx.numpy_helper.to_array(t) for t in onnx.load(tmp_path / "m.onnx").graph.initializer]
    weights = [values for values in held if values.dtype == np.int8 and values.ndim == 2 and 32 in values.shape]
    assert max(np.abs(values.astype(int)).max() for values in weights if values.shape[0] != 30) <= 127
    assert sum(np.abs(values.astype(int)).max() <= 64 for values in weights) >= 4 * 4


def test_the_rows_decide_the_scales_of_activations(model: PreTrainedModel, tmp_path: Path) -> None:
    scales = []
    for rows, name in ((ROWS, "all.onnx"), (Inputs(SEQUENCES[:1], 0), "one.onnx")):
        made(model, tmp_path / name, rows)
        graph = onnx.load(tmp_path / name).graph
        scales.append({t.name: float(onnx.numpy_helper.to_array(t)) for t in graph.initializer if not t.dims})
    changed = [name for name, scale in scales[0].items() if name.endswith("_scale") and scales[1].get(name) != scale]
    assert changed
    assert all(scales[0][name] >= scales[1][name] for name in changed), "more rows have a wider range"


def test_a_row_that_is_too_long_is_truncated(model: PreTrainedModel, tmp_path: Path) -> None:
    made(model, tmp_path / "long.onnx", Inputs([[2, *[5] * 40, 3]], 0))
    made(model, tmp_path / "cut.onnx", Inputs([[2, *[5] * 23]], 0))
    assert (tmp_path / "long.onnx").read_bytes() == (tmp_path / "cut.onnx").read_bytes()


def test_a_layer_that_is_kept_stays_in_float(model: PreTrainedModel, tmp_path: Path) -> None:
    layer = "bert.encoder.layer.2.attention.self.key"
    weight = model.get_submodule(layer).get_parameter("weight").detach().numpy()
    for kept, there in (({layer: "float"}, True), ({}, False)):
        made(model, tmp_path / "m.onnx", **kept)
        floats = [
            onnx.numpy_helper.to_array(t)
            for t in onnx.load(tmp_path / "m.onnx").graph.initializer
            if t.data_type == TensorProto.FLOAT and sorted(t.dims) == sorted(weight.shape)
        ]
        assert any(np.array_equal(held, weight) or np.array_equal(held, weight.T) for held in floats) == there


def test_a_taggers_classifier_that_is_kept_stays_in_float(tmp_path: Path) -> None:
    """ONNX Runtime makes another node of a product over three axes and its bias."""
    tagger = load_classifier(write_any_model(tmp_path, "bert", token_level=True)).eval()
    made(tagger, tmp_path / "m.onnx", classifier="float")
    weight = tagger.get_submodule("classifier").get_parameter("weight").detach().numpy()
    floats = [
        onnx.numpy_helper.to_array(t)
        for t in onnx.load(tmp_path / "m.onnx").graph.initializer
        if t.data_type == TensorProto.FLOAT and sorted(t.dims) == sorted(weight.shape)
    ]
    assert any(np.array_equal(held, weight) or np.array_equal(held, weight.T) for held in floats)


def test_every_family_and_pairs(any_model: Path, tmp_path: Path) -> None:
    model = load_classifier(any_model).eval()
    batch = PAIRS if model.config.type_vocab_size > 1 else BATCH
    rows = Inputs(SEQUENCES, 0, types=[[0] * len(sequence) for sequence in SEQUENCES])
    onnx_qdq.export(model, tmp_path / "m.onnx", "int8", tuple(batch), {}, (24,), rows)
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(batch)
    with torch.no_grad():
        expected = model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()
    visible = PAIRS["attention_mask"].astype(bool) if is_token_level(model) else slice(None)
    assert np.abs(answer[visible] - expected[visible]).max() < 0.35 * max(1, np.abs(expected[visible]).max())


@pytest.mark.parametrize("tokens", [24, 25])
def test_a_longer_text_is_refused(tokens: int, model: PreTrainedModel, tmp_path: Path) -> None:
    made(model, tmp_path / "m.onnx")
    session = open_session("onnxruntime", tmp_path / "m.onnx", 1)
    batch = pad([[2, *[5] * (tokens - 2), 3]], 0)
    if tokens == 24:
        assert session.logits(batch).shape == (1, 2)
        return
    with pytest.raises(Exception, match="takes 24 tokens at most, got 25; lower max_length"):
        session.logits(batch)


def test_calibration_texts_that_are_too_long_are_counted(model: PreTrainedModel, tmp_path: Path) -> None:
    """The tiny rows have 5 to 20 tokens."""
    note = onnx_qdq.export(model, tmp_path / "m.onnx", "int8", IDS, {}, (8,), ROWS)
    assert note.endswith("; 12 of 16 calibration texts were truncated to 8 tokens")
