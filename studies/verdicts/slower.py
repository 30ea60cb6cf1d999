"""Makes a student really slower: more work inside its graph, not a sleep."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_WIDTH = 384


def write_slower(source: Path, target: Path, columns: int) -> None:
    """Copy an ONNX classifier and add a product of (tokens, 384) by (384, `columns`) to its graph.

    The product is added to the logits with a weight of 1e-30: it must be computed, but changes no prediction.
    """
    model = onnx.load(str(source))
    graph = model.graph
    draw = np.random.default_rng(0)
    weights = {
        "study_axes": np.array([-1], dtype=np.int64),
        "study_row": draw.normal(size=(1, _WIDTH)).astype(np.float32),
        "study_work": draw.normal(size=(_WIDTH, columns)).astype(np.float32),
        "study_nothing": np.float32(1e-30),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items())
    output = graph.output[0].name
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == output:
                node.output[place] = "study_logits"
    graph.node.extend(
        [
            helper.make_node("Cast", ["input_ids"], ["study_ids"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["study_ids", "study_axes"], ["study_column"]),
            helper.make_node("MatMul", ["study_column", "study_row"], ["study_hidden"]),
            helper.make_node("MatMul", ["study_hidden", "study_work"], ["study_product"]),
            helper.make_node("ReduceMean", ["study_product"], ["study_mean"], keepdims=0),
            helper.make_node("Mul", ["study_mean", "study_nothing"], ["study_zero"]),
            helper.make_node("Add", ["study_logits", "study_zero"], [output]),
        ]
    )
    onnx.save(model, str(target))
