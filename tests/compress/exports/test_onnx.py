"""ONNX files: what is in the graph, and that ONNX Runtime computes the logits of the source."""

import os
import sys
from collections import Counter
from pathlib import Path
from subprocess import run

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import quantize_dynamic

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.models.families import is_token_level
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import count_macs, count_parameters, encoder_macs
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.runtimes.onnxruntime import OnnxSession, options
from tests.support.exports import BATCH
from tests.support.models import write_any_model
from tests.support.uneven import HEADS, IDS, MASK, NEURONS, seen
from tests.support.uneven import logits as logits_of


def test_every_family_with_uneven_layers(any_model: Path, tmp_path: Path) -> None:
    cut = without(load_classifier(any_model), HEADS, NEURONS)
    batch = {"input_ids": IDS.numpy(), "attention_mask": MASK.numpy()}
    for precision, allowed in (("fp32", 1e-5), ("int8", 0.3)):
        assert onnx_export.export(cut, tmp_path / "m.onnx", precision) is None
        answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(batch)
        assert (seen(torch.from_numpy(answer)) - logits_of(cut)).abs().max() < allowed
        [declared] = onnx.load(tmp_path / "m.onnx").graph.output
        axes = [axis.dim_param or axis.dim_value for axis in declared.type.tensor_type.shape.dim]
        assert axes == (["batch", "length", 2] if is_token_level(cut) else ["batch", 2])


def test_float_file_answers_as_its_source(model: torch.nn.Module, logits: np.ndarray, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "fp32")
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
    assert np.abs(answer - logits).max() < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_int8_file_has_no_float_matrix_left(model: torch.nn.Module, logits: np.ndarray, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "int8")
    graph = onnx.load(tmp_path / "m.onnx").graph
    tables = {i.name: i for i in graph.initializer if len(i.dims) == 2 and min(i.dims) > 2}
    words = [name for name in tables if "word_embeddings" in name]
    assert words, "the embedding table is not in the graph"
    assert all(tables[name].data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) for name in words)
    floats = [n for n, i in tables.items() if i.data_type == onnx.TensorProto.FLOAT and "position" not in n]
    assert not floats, floats
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
    assert 0 < np.abs(answer - logits).max() < 0.1
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_no_product_of_an_int8_file_overflows_where_there_is_no_vnni(model: torch.nn.Module, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "int8")
    graph = onnx.load(tmp_path / "m.onnx").graph
    multiplied = {node.input[1] for node in graph.node if node.op_type == "MatMulInteger"}
    weights = [onnx.numpy_helper.to_array(held) for held in graph.initializer if held.name in multiplied]
    largest = [np.abs(weight.astype(int)).max() for weight in weights]
    assert len(largest) > 2
    assert max(largest) * 255 * 2 < 2**15  # two products are added up in 16 bits


def test_seven_bits_are_the_graph_of_eight_with_other_values(
    model: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what was timed with 8 bits holds for 7: `docs/runtimes.md` says when which were."""

    def all_but_values(name: str) -> bytes:
        graph = onnx.load(tmp_path / name).graph
        for held in graph.initializer:
            held.raw_data = b""
            del held.float_data[:], held.int32_data[:]
        return graph.SerializeToString(deterministic=True)

    def of_eight(*arguments: object, **options: object) -> None:
        quantize_dynamic(*arguments, **options | {"reduce_range": False})

    onnx_export.export(model, tmp_path / "seven.onnx", "int8")
    monkeypatch.setattr(onnx_export, "quantize_dynamic", of_eight)
    onnx_export.export(model, tmp_path / "eight.onnx", "int8")
    assert all_but_values("seven.onnx") == all_but_values("eight.onnx")
    assert (tmp_path / "seven.onnx").read_bytes() != (tmp_path / "eight.onnx").read_bytes()


def test_the_runtime_finds_nothing_slow_in_the_graph(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).eval()
    for precision, products in (("fp32", "Gemm"), ("int8", "DynamicQuantizeMatMul")):
        onnx_export.export(model, tmp_path / "m.onnx", precision)
        chosen = options(1)
        chosen.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        OnnxSession(tmp_path / "m.onnx", chosen)
        kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
        assert kinds["SkipLayerNormalization"] == 0
        assert kinds["FusedMatMul"] == 2 * 4
        assert kinds["Transpose"] == 1 + 4  # of the ids, and of each layer's context
        assert kinds[products] >= 3 * 4


def test_a_graph_of_pairs_is_fed_token_types_or_zeros(tmp_path: Path, tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    types = np.zeros_like(BATCH["input_ids"])
    types[:, 2:] = 1
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    onnx_export.export(model, tmp_path / "pairs.onnx", "fp32", inputs)
    pairs = open_session("onnxruntime", tmp_path / "pairs.onnx", 1)
    for batch in (BATCH, {**BATCH, "token_type_ids": types}):
        with torch.no_grad():
            expected = model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()
        assert np.abs(pairs.logits(batch) - expected).max() < 1e-5
    assert np.abs(pairs.logits(BATCH) - expected).max() > 1e-4, "types did nothing"
    with pytest.raises(BadInput, match=r"pairs\.onnx: the graph has an input 'attention_mask'; known: input_ids"):
        pairs.logits({"input_ids": BATCH["input_ids"]})
    onnx_export.export(model, tmp_path / "texts.onnx", "fp32")
    texts = open_session("onnxruntime", tmp_path / "texts.onnx", 1)
    assert np.array_equal(texts.logits({**BATCH, "token_type_ids": types}), texts.logits(BATCH))


@pytest.mark.parametrize("token_level", [False, True])
def test_mobilebert_is_saved_counted_and_exported(token_level: bool, tmp_path: Path) -> None:
    folder = write_any_model(tmp_path, "mobilebert", token_level)
    model = load_classifier(folder).eval()
    types = np.zeros_like(BATCH["input_ids"])
    types[:, 2:] = 1
    batch = {**BATCH, "token_type_ids": types}
    visible = BATCH["attention_mask"].astype(bool) if token_level else slice(None)
    # Last with scores that a mask of -1e4 would not hide: attention that chooses one token is no measure of rounding.
    for precision, scores, allowed in (("int8", 1, 0.2), ("fp32", 1e7, 1e-5)):
        with torch.no_grad():
            model.mobilebert.encoder.layer[0].attention.self.query.weight *= scores
        model.save_pretrained(folder)
        expected = open_session("torch", folder, 1).logits(batch)[visible]
        untyped = open_session("torch", folder, 1).logits(BATCH)[visible]
        assert np.abs(expected - untyped).max() > 1e-2, "types do nothing"
        note = onnx_export.export(model, tmp_path / "m.onnx", precision, tuple(batch))
        assert note == "mobilebert has no plain forward here: its layers are exported as transformers has them"
        answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(batch)[visible]
        assert np.abs(answer - expected).max() < allowed * np.abs(expected).max()
    assert count_parameters(model) == sum(tensor.numel() for tensor in model.state_dict().values())
    _, length = BATCH["input_ids"].shape
    counted = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(
                lambda linear, inputs, _, name=name: counted.append(
                    (".encoder." in name, linear.weight.numel() * inputs[0].numel() // inputs[0].shape[-1])
                )
            )
    model(torch.ones(1, length, dtype=torch.long))
    attention = 4 * 2 * length * length * model.config.true_hidden_size
    assert encoder_macs(model.config, length) == attention + sum(macs for inside, macs in counted if inside)
    assert count_macs(model, length) == attention + sum(macs for _, macs in counted)


@pytest.mark.parametrize("kind", ["uneven", "tagging", "mobilebert", "roberta"])
def test_named_linears_stay_in_float(kind: str, model: torch.nn.Module, tmp_path: Path) -> None:
    """MatMul and Gemm, whatever the exporter calls them, and no other ones with them."""
    if kind != "uneven":
        family = "bert" if kind == "tagging" else kind
        model = load_classifier(write_any_model(tmp_path, family, token_level=kind == "tagging"))
    linears = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    kept = [name for name in linears if name.endswith("layer.2.attention.self.key") or ".layer." not in name]
    kept.append(next(name for name in linears if name.endswith("layer.0.output.dense")))
    onnx_export.export(model, tmp_path / "m.onnx", "int8", kept=dict.fromkeys(kept, "float"))
    constants = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(tmp_path / "m.onnx").graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2 and 1 not in tensor.dims
    ]
    for name in kept:
        weight = linears[name].weight.detach().numpy()
        assert any(np.array_equal(matrix, weight) or np.array_equal(matrix, weight.T) for matrix in constants), name
    assert len(constants) == len(kept)


def test_a_linear_that_is_not_in_the_graph_is_refused(model: torch.nn.Module, tmp_path: Path) -> None:
    stray = torch.nn.Linear(3, 3)
    model.add_module("stray", stray)
    try:
        with pytest.raises(ValueError, match="stray: no node of the graph multiplies by its weight"):
            onnx_export.export(model, tmp_path / "m.onnx", "int8", kept={"stray": "float"})
    finally:
        del model.stray
    assert list(tmp_path.iterdir()) == []


VERSIONS = {"fp32": (17, 8), "fp16": (17, 8), "int8": (17, 8), "int4": (21, 10)}


@pytest.mark.parametrize("precision", FORMATS["onnx"].precisions)
def test_opset_and_ir_version_are_those_of_the_docs(precision: str, model: torch.nn.Module, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", precision)
    written = onnx.load(tmp_path / "m.onnx")
    [opset] = written.opset_import
    assert (opset.domain, opset.version, written.ir_version) == ("", *VERSIONS[precision])
    told = f"| `{precision}` | {opset.version} | {written.ir_version} |"
    assert told in Path("docs/mobile.md").read_text(encoding="utf-8")


HASHED = """
import sys
from pathlib import Path
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
export(load_classifier(Path(sys.argv[1])), Path(sys.argv[2]), "int8")
"""


@pytest.mark.slow
def test_the_bytes_of_a_file_depend_on_no_hash_seed(tiny_model: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-c", HASHED, str(tiny_model), str(tmp_path / f"{seed}.onnx")]
        run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()
