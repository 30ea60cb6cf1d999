"""What a .tflite file says, and what lies in it. A conversion takes seconds, so tests share one where they can."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("ai_edge_litert")
pytest.importorskip("litert_torch")
pytest.importorskip("litert_quantizer")

from ai_edge_litert.schema_py_generated import BuiltinOperator, ModelT, TensorType

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports import litert as litert_export
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.exports.graph import litert_fp16
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.rounding import FEW, round_outputs, round_rows
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import Batch, pad
from tests.support.models import write_any_model

LENGTHS = (8, 16)
TEXTS = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 15, 16, 17, 3]], 0)
TYPES = np.zeros_like(TEXTS["input_ids"])
TYPES[:, 2:] = 1
PAIRS = {**TEXTS, "token_type_ids": TYPES}
LAYER = "bert.encoder.layer.0"
WORDS = "bert.embeddings.word_embeddings"
QUERY, WIDE, NARROW = (f"{LAYER}.{name}" for name in ("attention.self.query", "intermediate.dense", "output.dense"))


def said(model: torch.nn.Module, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()


def stored(path: Path) -> dict[tuple[int, ...], list[tuple[str, np.ndarray, np.ndarray]]]:
    """The matrices in a file by their shape, each once: its type, its values, and the scales of its rows."""
    model: Any = ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    types = {number: name for name, number in vars(TensorType).items()}
    found: dict[int, tuple[tuple[int, ...], tuple[str, np.ndarray, np.ndarray]]] = {}
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        data, shape = model.buffers[tensor.buffer].data, tuple(tensor.shape if tensor.shape is not None else ())
        if data is None or len(shape) != 2:
            continue
        type_, scales = types[tensor.type], np.asarray(getattr(tensor.quantization, "scale", None), np.float32)
        if type_ == "INT4":  # two values a byte, the first in the low half
            values = (np.stack([data & 15, data >> 4], axis=-1).astype(np.int8).ravel() ^ 8) - 8
        else:
            values = np.frombuffer(bytes(data), {"FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}[type_])
        found[tensor.buffer] = shape, (type_, values[: np.prod(shape)].reshape(shape), scales)
    by_shape: dict[tuple[int, ...], list[tuple[str, np.ndarray, np.ndarray]]] = {}
    for shape, held in found.values():
        by_shape.setdefault(shape, []).append(held)
    return by_shape


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    """Layers of three heads and of none, small and larger matrices, and word embeddings on our grid of INT4."""
    sizes = {"num_hidden_layers": 2, "vocab_size": 100, "intermediate_size": 96}
    folder = write_any_model(tmp_path_factory.mktemp("hub"), "bert", **sizes)
    model = without(load_classifier(folder), {0: [1], 1: range(4)}, {1: range(10)}).eval()
    words = model.get_submodule(WORDS).weight.detach()
    integers, scales = round_rows(words.numpy(), "int4")
    words.copy_(torch.from_numpy(integers * scales.astype(np.float32)))
    return model


@pytest.fixture(scope="module")
def converted(model: torch.nn.Module) -> bytes:
    return litert_export._converted(traceable(model)[0], INPUTS, LENGTHS)


@pytest.fixture
def export(converted: bytes, monkeypatch: pytest.MonkeyPatch, model: torch.nn.Module, tmp_path: Path) -> Any:
    """The exporter, which converts nothing anew."""
    monkeypatch.setattr(litert_export, "_converted", lambda *_: converted)

    def run(precision: str, kept: dict[str, str] | None = None) -> Path:
        path = tmp_path / f"{precision}.tflite"
        litert_export.export(model, path, precision, INPUTS, kept or {}, LENGTHS)
        return path

    return run


def test_a_float_file_of_pairs_answers_as_its_source(
    model: torch.nn.Module, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert litert_export.export(model, tmp_path / "m.tflite", "fp32", tuple(PAIRS), {}, (16,)) is None
    session = open_session("litert", tmp_path / "m.tflite", 1)
    assert capfd.readouterr() == ("", ""), "converter and runtime print nothing"
    assert np.abs(session.logits(PAIRS) - said(model, PAIRS)).max() < 1e-5
    assert np.abs(session.logits(TEXTS) - said(model, TEXTS)).max() < 1e-5
    assert np.abs(said(model, PAIRS) - said(model, TEXTS)).max() > 1e-2, "types did nothing"


def test_positions_are_halves_in_a_quantized_file(
    export: Any, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = open_session("litert", export("int8"), 1).logits(TEXTS)
    usual = export("int8").stat().st_size
    monkeypatch.setattr(litert_fp16, "_LEAST", 64)
    path = export("int8")
    assert (
        0 < np.abs(open_session("litert", path, 1).logits(TEXTS) - whole).max() < 0.05
    )  # dynamic rounding enlarges it
    held: Any = ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    constants = {
        tuple(tensor.shape): len(held.buffers[tensor.buffer].data)
        for graph in held.subgraphs
        for tensor in graph.tensors
        if tensor.type == TensorType.FLOAT16
    }
    hidden = model.config.hidden_size
    assert constants == {(length, 1, hidden): 2 * length * hidden for length in LENGTHS}
    saved = sum(constants.values())
    assert usual - path.stat().st_size > saved - 1_000, "the FP32 constants are no longer in the file"


def test_every_reader_of_a_halved_constant_reads_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_fp16, "_LEAST", 4)
    codes = [SimpleNamespace(builtinCode=kind, version=1) for kind in (BuiltinOperator.MUL, BuiltinOperator.ADD)]
    constant = SimpleNamespace(type=TensorType.FLOAT32, buffer=1, shape=[4], name=b"c")
    other = SimpleNamespace(type=TensorType.FLOAT32, buffer=0, shape=[4], name=b"x")
    nodes = [SimpleNamespace(opcodeIndex=kind, inputs=[0, 1], outputs=[0]) for kind in (0, 1, 1)]
    graph = SimpleNamespace(tensors=[other, constant], operators=nodes)
    data = np.arange(4, dtype=np.float32).view(np.uint8)
    buffers = [SimpleNamespace(data=None), SimpleNamespace(data=data)]
    litert_fp16.store_added_constants_as_fp16(SimpleNamespace(subgraphs=[graph], operatorCodes=codes, buffers=buffers))
    assert [list(node.inputs) for node in graph.operators] == [[1], [0, 2], [0, 2], [0, 2]]
    assert (constant.type, graph.tensors[2].type) == (TensorType.FLOAT16, TensorType.FLOAT32)
    assert buffers[1].data is None and len(buffers[2].data) == 8


@pytest.mark.parametrize(("precision", "allowed"), [("fp32", 1e-5), ("int8", 0.1), ("int4", 1.0)])
def test_a_file_of_two_lengths_answers_texts_of_any_length_up_to_the_longest(
    export: Any, model: torch.nn.Module, precision: str, allowed: float
) -> None:
    session = open_session("litert", export(precision), 1)
    assert np.abs(session.logits(TEXTS) - said(model, TEXTS)).max() < allowed
    for length in (1, 8, 9, 16):
        text = {"input_ids": np.full((1, length), 5), "attention_mask": np.ones((1, length), dtype=np.int64)}
        assert np.abs(session.logits(text) - said(model, text)).max() < allowed
    with pytest.raises(BadInput, match=r"\.tflite: takes 16 tokens at most, got 17; lower max_length"):
        session.logits({name: np.ones((1, 17), dtype=np.int64) for name in TEXTS})


ELSEWHERE = """
import json, sys
sys.modules["pocketbert"] = None
import numpy as np
from ai_edge_litert.interpreter import Interpreter
runner = Interpreter(model_path=sys.argv[1]).get_signature_runner("tokens_8")
ids = np.array(json.loads(sys.argv[2]), np.int32)
print(json.dumps(runner(input_ids=ids, attention_mask=(ids > 0).astype(np.int32))["logits"].tolist()))
"""


def test_an_int4_file_is_opened_where_pocketbert_is_not_installed(export: Any) -> None:
    path = export("int4")
    ids = np.pad(TEXTS["input_ids"][:1, :5], ((0, 0), (0, 3)))
    command = [sys.executable, "-c", ELSEWHERE, str(path), json.dumps(ids.tolist())]
    answered = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    expected = open_session("litert", path, 1).logits({"input_ids": ids, "attention_mask": (ids > 0).astype(int)})
    assert np.allclose(answered, expected, atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_the_signatures_share_the_weights(export: Any, model: torch.nn.Module, precision: str) -> None:
    held = stored(export(precision))
    assert len(held[tuple(model.get_submodule(WORDS).weight.shape)]) == 1
    assert len(held[tuple(model.get_submodule(f"{LAYER}.intermediate.dense").weight.shape)]) == 1


def test_neither_padding_nor_another_text_changes_a_logit(export: Any) -> None:
    session = open_session("litert", export("int8"), 1)
    together = session.logits(TEXTS)
    for row in range(3):
        own = int(TEXTS["attention_mask"][row].sum())
        alone = {name: values[row : row + 1, :own] for name, values in TEXTS.items()}
        assert np.array_equal(session.logits(alone)[0], together[row])


def test_linear_layers_have_our_grid_to_the_bit(export: Any, model: torch.nn.Module) -> None:
    """Of INT4 in linear layers; in INT8 this format uses 8 bits, where ONNX uses 7."""
    held = stored(export("int4"))
    for name in (WIDE, NARROW):
        weight = model.get_submodule(name).weight.detach().numpy()
        assert weight.size > FEW
        [(type_, integers, scales)] = held[weight.shape]
        ours, our_scales = round_outputs(weight, "int4")
        assert type_ == "INT4"
        assert np.array_equal(integers, ours)
        assert np.array_equal(scales, our_scales.ravel())


def test_embeddings_on_our_grid_stay_there_to_the_bit(export: Any, model: torch.nn.Module) -> None:
    """A row's scale is FP16 in our grid and FP32 in this format, which finds the grid of a trained row again."""
    words = model.get_submodule(WORDS).weight.detach().numpy()
    integers, scales = round_rows(words, "int4")
    [(type_, held, held_scales)] = stored(export("int4"))[words.shape]
    assert type_ == "INT4"
    assert np.array_equal(held, integers)
    assert np.array_equal(held * held_scales[:, None], integers * scales.astype(np.float32))
    assert (integers == 0).all(axis=1).any(), "a row of zeros has another scale"


def test_small_matrices_stay_int8_and_what_is_kept_keeps_its_precision(export: Any, model: torch.nn.Module) -> None:
    held = stored(export("int4", {WIDE: "float", WORDS: "int8"}))

    def types(name: str) -> set[str]:
        return {type_ for type_, _, _ in held[tuple(model.get_submodule(name).weight.shape)]}

    assert model.get_submodule(QUERY).weight.numel() <= FEW
    assert types(WIDE) == {"FLOAT32"}
    assert types(WORDS) == {"INT8"}
    assert types(QUERY) == {"INT8"}
    assert types(NARROW) == {"INT4"}


@pytest.mark.parametrize("family", ["roberta", "mobilebert"])
def test_taggers_of_plain_and_of_stock_layers(family: str, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, family, token_level=True, num_hidden_layers=1)).eval()
    note = litert_export.export(model, tmp_path / "m.tflite", "int8", lengths=(16,))
    assert (note is not None) == (family == "mobilebert")
    batch = TEXTS if family != "roberta" else pad([row[row != 0].tolist() for row in TEXTS["input_ids"]], 1)
    answer, expected = open_session("litert", tmp_path / "m.tflite", 1).logits(batch), said(model, batch)
    assert answer.shape == expected.shape == (3, 11, 2)
    seen = batch["attention_mask"].astype(bool)
    assert 0 < np.abs(answer - expected)[seen].max() < 0.05 * np.abs(expected[seen]).max()


def test_a_length_beyond_the_positions_is_one_line(model: torch.nn.Module, tmp_path: Path) -> None:
    said = r"^m\.tflite: lengths = \[65\]: the model has 64 positions; shorten the last one$"
    with pytest.raises(BadInput, match=said):
        litert_export.export(model, tmp_path / "m.tflite", "fp32", lengths=(65,))


def test_a_failed_export_leaves_nothing(
    export: Any, model: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: Any) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr(litert_export, "_quantized", no_room)
    with pytest.raises(OSError, match="no space left"):
        export("int8")
    assert list(tmp_path.iterdir()) == []
