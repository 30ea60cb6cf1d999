"""ONNX files for ONNX Runtime: FP32, FP16 weights, or dynamically quantized with INT8 or INT4 weights.

Embeddings are rounded too. The kernels of an INT4 file are those of an INT8 file: its weights become INT8 when ONNX
Runtime opens it.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import GraphProto, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from pocketbert.compress.base.folders.leftovers import folder_beside
from pocketbert.compress.exports import COMPUTED_IN_FP32, INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.exports.graph.embeddings import quantize_embeddings
from pocketbert.compress.exports.graph.fp16 import store_as_fp16
from pocketbert.compress.exports.graph.linears import store_as_int4
from pocketbert.compress.exports.graph.versions import least_onnxruntime
from pocketbert.compress.models.families import is_token_level

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

_OPSET = 17
_INT4_OPSET, _INT4_IR = 21, 10
"""The first versions with INT4 tensors."""


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, kept: Mapping[str, str] = {}
) -> str | None:
    """Write `model` to the file `path`; batch size and length stay dynamic."""
    if precision == "fp32":
        return write_float(model, path, inputs)
    with folder_beside(path) as folder:  # a killed quantizer leaves a copy next to its source
        source = Path(folder) / "float.onnx"
        note = write_float(model, source, inputs)
        if precision == "fp16":
            store_as_fp16(source, path)
            return f"{note}; {COMPUTED_IN_FP32}" if note else COMPUTED_IN_FP32
        if precision == "int4":
            _raise_opset(source)
        weights = weights_of(model, kept, onnx.load(source).graph)
        quantize_embeddings(source, source, precision, weights)
        # Per channel: a scale per output column costs no time, and a single large weight coarsens only its column.
        quantize_dynamic(
            source,
            path,
            per_channel=True,
            weight_type=QuantType.QInt8,
            # 7 bits: products of 8 bits overflow the 16-bit sums of x86 processors without VNNI, so the file's
            # predictions on a phone would differ from those that the guard compared.
            reduce_range=True,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=nodes_reading(source, [name for name, to in weights.items() if to == "float"]),
            extra_options={"MatMulConstBOnly": True},
        )
        if precision == "int4":
            store_as_int4(source, path, weights)
    return note


def write_float(model: "PreTrainedModel", path: Path, inputs: Sequence[str], length: int | None = None) -> str | None:
    """Write `model` in FP32 to the file `path`; returns a remark about the graph, or None.

    Args:
        length: tokens of the single text that the file takes, as int32; None: any texts of any length, as int64.
    """
    forward, note = traceable(model)
    zeros = torch.zeros((2, 16), dtype=torch.long) if length is None else torch.zeros((1, length), dtype=torch.int32)
    axes = {0: "batch", 1: "length"}
    dynamic = dict.fromkeys(inputs, axes) | {"logits": axes if is_token_level(model) else {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation of the TorchScript exporter, whose graph is a third faster
        torch.onnx.export(
            forward,
            tuple(zeros + (name != "token_type_ids") for name in inputs),
            str(path),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes=dynamic if length is None else None,
            opset_version=_OPSET,
            dynamo=False,
        )
    return note


def _raise_opset(path: Path) -> None:
    """Declare the versions of INT4 tensors; the checker refuses operators whose attributes they changed."""
    model = onnx.load(path)
    model.ir_version, model.opset_import[0].version = _INT4_IR, _INT4_OPSET
    onnx.checker.check_model(model)
    onnx.save(model, path)


def weights_of(model: "PreTrainedModel", kept: Mapping[str, str], graph: GraphProto) -> dict[str, str]:
    """Map the initializers of `graph` that hold the weights of the `kept` layers to the layers' precisions.

    They are found by their values, because exporters rename weights and fold transpositions. An embedding that is not
    in the graph (token types of single texts) needs no precision.
    """
    found: dict[str, str] = {}
    for layer, precision in kept.items():
        module = model.get_submodule(layer)
        weight = module.get_parameter("weight").detach().numpy()
        names = [
            tensor.name
            for tensor in graph.initializer
            if sorted(tensor.dims) == sorted(weight.shape) and _same(numpy_helper.to_array(tensor), weight)
        ]
        if not names and isinstance(module, torch.nn.Linear):
            raise ValueError(f"{layer}: no node of the graph multiplies by its weight")
        found |= dict.fromkeys(names, precision)
    return found


def nodes_reading(source: Path, weights: Iterable[str]) -> list[str]:
    """Return the names of the nodes in `source` that read these initializers."""
    chosen = set(weights)
    names = [node.name for node in onnx.load(source).graph.node if chosen.intersection(node.input)]
    return [*names, *(f"{name}_MatMul" for name in names)]  # the name after the quantizer has split a Gemm


def _same(matrix: "NDArray[np.float32]", weight: "NDArray[np.float32]") -> bool:
    return np.array_equal(matrix, weight) or np.array_equal(matrix, weight.T)


def min_runtime(path: Path) -> str:
    """Return the oldest ONNX Runtime that opens the file."""
    return f"ONNX Runtime {least_onnxruntime(path)}"
