"""Where an artifact's bytes are."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

from pocketbert.bench.measuring.metrics.size import by_tensor
from pocketbert.bench.workers.inside import Tensor, tensors


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT with its Hugging Face folders and ONNX files."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from pocketbert.compress.exports import onnx as exporter
    from pocketbert.compress.exports.forward import StockLayers
    from pocketbert.compress.exports.torch import export as export_folder

    folder = tmp_path_factory.mktemp("model")
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    bert = BertForSequenceClassification(BertConfig(vocab_size=50, num_labels=2, **shape)).eval()
    for weight in bert.parameters():  # the exporter writes equal ones once
        torch.nn.init.normal_(weight)
    bert.save_pretrained(folder / "hf")
    export_folder(bert, folder / "fp16.torch", "fp16")
    export_folder(bert, folder / "int8.torch", "int8")
    for precision in ("fp32", "fp16", "int8"):
        exporter.export(bert, folder / f"{precision}.onnx", precision)
    with pytest.MonkeyPatch.context() as patch:  # the way of families that have no plain forward
        patch.setattr(exporter, "traceable", lambda model: (StockLayers(model, -1e4).eval(), None))
        exporter.export(bert, folder / "stock.onnx", "fp32")
    return folder


EMBEDDINGS = (50 + 512 + 2 + 2) * 32
ATTENTION = 2 * (4 * 32 * 32 + 4 * 32 + 2 * 32)
FFN = 2 * (2 * 32 * 64 + 64 + 32 + 2 * 32)
HEAD = 32 * 32 + 32 + 2 * 32 + 2


def test_a_folder_of_safetensors(model: Path) -> None:
    total = sum(file.stat().st_size for file in (model / "hf").iterdir())
    parts = by_tensor("torch", model / "hf", total)["parts"]
    assert {n: b // 4 for n, b in parts.items() if n != "rest"} == {
        "embeddings": EMBEDDINGS, "attention": ATTENTION, "FFN": FFN, "head": HEAD,
    }  # fmt: skip
    assert sum(parts.values()) == total


def test_the_largest_tensors_are_listed(model: Path) -> None:
    tensors = by_tensor("torch", model / "hf", 10**6)["tensors"]
    assert tensors[0].name.endswith("position_embeddings.weight")
    assert (tensors[0].part, tensors[0].dtype, tensors[0].shape, tensors[0].bytes) == (
        "embeddings", "float32", [512, 32], 4 * 512 * 32,
    )  # fmt: skip
    assert [tensor.bytes for tensor in tensors] == sorted((tensor.bytes for tensor in tensors), reverse=True)


@pytest.mark.parametrize("name", ["fp32", "stock"])
def test_an_onnx_file_whose_exporter_may_have_renamed_the_weights(model: Path, name: str) -> None:
    file = model / f"{name}.onnx"
    names = [initializer.name for initializer in onnx.load(str(file)).graph.initializer]
    assert any(name.startswith("onnx::MatMul") for name in names) == (name == "stock")  # what makes this hard
    parts = by_tensor("onnxruntime", file, file.stat().st_size)["parts"]
    # One row of token types is folded into the graph; the stock embeddings take both.
    assert {n: b // 4 for n, b in parts.items() if n != "rest"} == {
        "embeddings": EMBEDDINGS - 32 * (name == "fp32"), "attention": ATTENTION, "FFN": FFN, "head": HEAD,
    }  # fmt: skip


def test_a_quantized_file_keeps_the_names(model: Path) -> None:
    found = {tensor.name: tensor for tensor in tensors("onnxruntime", model / "int8.onnx") or []}
    query = found["layers.1.attention.self.query.weight_quantized"]
    assert query == Tensor(query.name, "int8", (32, 32), 32 * 32)
    parts = by_tensor("onnxruntime", model / "int8.onnx", 10**6)["parts"]
    assert FFN < parts["FFN"] < 2 * FFN  # weights are a quarter, biases and scales are not


def test_an_fp16_file_keeps_them_too(model: Path) -> None:
    found, half = ({t.name: t for t in tensors("onnxruntime", model / f"{p}.onnx") or []} for p in ("fp32", "fp16"))
    assert found.keys() == half.keys()
    query = half["layers.1.attention.self.query.weight"]
    assert query == Tensor(query.name, "float16", (32, 32), 2 * 32 * 32)


def test_folders_of_fp16_and_int8(model: Path) -> None:
    parts = by_tensor("torch", model / "fp16.torch", 10**6)["parts"]
    assert {name: parts[name] // 2 for name in ("embeddings", "attention", "FFN", "head")} == {
        "embeddings": EMBEDDINGS, "attention": ATTENTION, "FFN": FFN, "head": HEAD,
    }  # fmt: skip
    found = {tensor.name: tensor for tensor in tensors("torch", model / "int8.torch") or []}
    table = "bert.embeddings.word_embeddings.weight"
    assert found[table] == Tensor(table, "uint8", (50, 32), 50 * 32)
    query = "bert.encoder.layer.1.attention.self.query.weight"
    assert found[query] == Tensor(query, "int8", (32, 32), 32 * 32)
    total = sum(file.stat().st_size for file in (model / "int8.torch").iterdir())
    parts = by_tensor("torch", model / "int8.torch", total)["parts"]
    # Beside the integers: a scale and a smallest value for each row of a table, scales, biases and the LayerNorms.
    assert parts["embeddings"] == (50 + 512 + 2) * (32 + 8) + 2 * 32 * 4
    assert parts["FFN"] == 2 * (2 * 32 * 64 + (64 + 32) * 8 + 2 * 32 * 4)
    assert parts["attention"] == 2 * (4 * 32 * 32 + 4 * 32 * 8 + 2 * 32 * 4)
    assert parts["head"] == 32 * 32 + 2 * 32 + (32 + 2) * 8
    assert sum(parts.values()) == total


def test_headers_are_enough(tmp_path: Path) -> None:
    save_file({"bert.pooler.dense.weight": np.zeros((3, 5), dtype=np.float16)}, tmp_path / "model.safetensors")
    assert tensors("torch", tmp_path) == [Tensor("bert.pooler.dense.weight", "float16", (3, 5), 30)]


def test_what_cannot_be_read_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    assert by_tensor("onnxruntime", tmp_path / "x.onnx", 8) == {}
    assert by_tensor("no-such-runtime", tmp_path / "x.onnx", 8) == {}


@pytest.mark.parametrize(("precision", "bytes_"), [("fp16", 2), ("int8", 1)])
def test_a_core_ml_package(model: Path, tmp_path: Path, precision: str, bytes_: int) -> None:
    coreml = pytest.importorskip("pocketbert.compress.exports.coreml")
    from pocketbert.compress.models.pretrained import load_classifier

    path = tmp_path / "m.mlpackage"
    coreml.export(load_classifier(model / "hf"), path, precision)
    parts = by_tensor("coreml", path, sum(file.stat().st_size for file in path.rglob("*") if file.is_file()))["parts"]
    # Small matrices stay in FP16, and the first row of the token types is a bias under a name of the converter's.
    tables = 512 * 32 * bytes_ + (512 * 2 if precision == "int8" else 0) + (50 + 2) * 32 * 2
    assert {name: count for name, count in parts.items() if name != "rest"} == {
        "embeddings": tables, "attention": ATTENTION * 2, "FFN": FFN * 2, "head": HEAD * 2,
    }  # fmt: skip
