from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes.onnxruntime import open_session, options
from tests.support.manifests import write_odd

INPUTS = {"ids": "input_ids", "segments": "token_type_ids", "mask": "attention_mask"}
BATCH = {"input_ids": np.array([[1, 2, 3], [4, 5, 0]]), "attention_mask": np.array([[1, 1, 1], [1, 1, 0]])}


def write_tagger(path: Path, rows: int | str, tokens: int | str) -> None:
    """Logits of each token: its id, and its id times its mask."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["ids", "mask"], ["product"]),
        helper.make_node("Unsqueeze", ["ids", "last"], ["first"]),
        helper.make_node("Unsqueeze", ["product", "last"], ["second"]),
        helper.make_node("Concat", ["first", "second"], ["logits"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, [rows, tokens])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [rows, tokens, 2])],
        [helper.make_tensor("last", TensorProto.INT64, [1], [-1])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def test_inputs_get_the_type_that_the_graph_declares(tmp_path: Path) -> None:
    write_odd(tmp_path / "theirs.onnx")
    session = open_session(tmp_path / "theirs.onnx", 1, INPUTS)
    plain = session.logits(BATCH)
    types = {**BATCH, "token_type_ids": np.ones((2, 3), dtype=np.int64)}
    assert np.allclose(session.logits(types), plain - 1), "missing token types are 0"
    write_odd(tmp_path / "flags.onnx", TensorProto.BOOL)
    with pytest.raises(BadInput, match=r"flags\.onnx: input 'segments' is a tensor\(bool\); allowed: tensor\(int64\),"):
        open_session(tmp_path / "flags.onnx", 1, INPUTS)


def test_names_that_are_not_the_graphs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.onnx"
    write_odd(path)
    with pytest.raises(BadInput, match="the graph's inputs are ids, segments, mask; `inputs` names idz"):
        open_session(path, 1, {"idz": "input_ids"})
    with pytest.raises(BadInput, match="the graph has an input 'ids'; known: input_ids, attention_mask; map its names"):
        open_session(path, 1).logits(BATCH)


@pytest.mark.parametrize(("rows", "tokens"), [("rows", "tokens"), (1, "tokens"), ("rows", 5), (1, 5)])
def test_fixed_rows_and_lengths_are_filled_up(rows: int | str, tokens: int | str, tmp_path: Path) -> None:
    write_tagger(tmp_path / "m.onnx", rows, tokens)
    session = open_session(tmp_path / "m.onnx", 1)
    assert session.logits(BATCH).tolist() == [[[1, 1], [2, 2], [3, 3]], [[4, 4], [5, 5], [0, 0]]]
    longer = {name: np.ones((1, 6), dtype=np.int64) for name in BATCH}
    if tokens == 5:
        with pytest.raises(BadInput, match=r"m\.onnx: takes 5 tokens at most, got 6; lower max_length"):
            session.logits(longer)
    else:
        assert session.logits(longer).shape == (1, 6, 2)


def test_a_graph_of_several_fixed_rows_is_refused(tmp_path: Path) -> None:
    write_tagger(tmp_path / "m.onnx", 2, "tokens")
    with pytest.raises(BadInput, match=r"inputs have the shapes \[\[2, 'tokens'\], .*; expected: 1 or any rows"):
        open_session(tmp_path / "m.onnx", 1)


def test_options_have_the_threads_and_no_spinning() -> None:
    chosen = options(3)
    assert (chosen.intra_op_num_threads, chosen.inter_op_num_threads) == (3, 1)
    assert chosen.get_session_config_entry("session.intra_op.allow_spinning") == "0"
