"""ONNX files for ONNX Runtime, FP32 or dynamically quantized to INT8 (embedding table included)."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from compress.exports.plain import PlainClassifier

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_OPSET = 17


def export(model: "PreTrainedModel", path: Path, precision: str) -> None:
    """Write `model` to the file `path`; batch size and length stay dynamic."""
    if precision == "fp32":
        _write_float(model, path)
        return
    source = path.with_suffix(".float.onnx")
    try:
        _write_float(model, source)
        # Per channel: one scale per output column costs nothing at run time and keeps a single large weight from
        # coarsening a whole matrix.
        quantize_dynamic(
            source,
            path,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        source.unlink(missing_ok=True)


def _write_float(model: "PreTrainedModel", path: Path) -> None:
    ids = torch.ones((2, 16), dtype=torch.long)
    dynamic = {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation of the TorchScript exporter: its graph is a third faster here
        torch.onnx.export(
            PlainClassifier(model).eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": dynamic, "attention_mask": dynamic, "logits": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
