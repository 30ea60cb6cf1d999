"""Artifacts of known work for `pocketbert doctor`: what they answer does not matter."""

from pathlib import Path

import numpy as np

TOKENS = 128
_WIDTH, _INNER, _PAIRS = 384, 1536, 6


def write_onnx_probe(path: Path) -> None:
    """The feed-forward products of a six-layer, 384-wide encoder: some milliseconds on one core."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    weights = {
        "table": draw.normal(size=(100, _WIDTH)),
        "up": draw.normal(size=(_WIDTH, _INNER)) / _WIDTH,
        "down": draw.normal(size=(_INNER, _WIDTH)) / _INNER,
    }
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["hidden0"])]
    for pair in range(_PAIRS):
        nodes.append(helper.make_node("MatMul", [f"hidden{pair}", "up"], [f"inner{pair}"]))
        nodes.append(helper.make_node("MatMul", [f"inner{pair}", "down"], [f"hidden{pair + 1}"]))
    nodes.append(helper.make_node("ReduceMean", [f"hidden{_PAIRS}"], ["logits"], axes=[1], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", _WIDTH])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_torch_probe(folder: Path) -> None:
    """A small BERT with random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    shape = {"hidden_size": _WIDTH, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": _INNER}
    BertForSequenceClassification(BertConfig(vocab_size=100, num_labels=2, **shape)).save_pretrained(folder)


def probe_requests() -> list[list[int]]:
    """Single requests of `TOKENS` tokens."""
    tokens: list[list[int]] = np.random.default_rng(1).integers(0, 100, size=(100, TOKENS)).tolist()
    return tokens
