"""Exports: model -> file. A new format is one file here and its line in `FORMATS`.

Each module has ``export(model, path, precision, inputs, keep_float)``, which returns a remark about the file, or None.
`inputs` are the names of the file's inputs, in its order; a model of pairs has ``token_type_ids`` third. `keep_float`
names the linear layers, as ``named_modules()`` does, that stay in float (Core ML: FP16) in an INT8 file.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Tolerance(NamedTuple):
    """The largest allowed difference between an export and its PyTorch source.

    Attributes:
        logit: largest difference of a logit, scaled up where logits exceed 10; None for INT8: the guard limits the
            effect of its rounding on the metric.
        labels: smallest share of predictions (one per text; tagging: one per word) that must keep their label.
        entities: of taggers, the smallest F1 of the file's entities with the source's as gold. It is lower than
            `labels`: rows have few entities, and one word changes a whole entity.
    """

    logit: float | None
    labels: float
    entities: float = 0.95


class Format(NamedTuple):
    """A file format.

    Attributes:
        runtime: the runtime that opens the file.
        suffix: the ending of the file's name.
        precisions: the precisions that the weights may have, each with its tolerance.
        made_with: packages besides the runtime's that decide what the file contains.
    """

    runtime: str
    suffix: str
    precisions: Mapping[str, Tolerance]
    made_with: tuple[str, ...] = ()


_FP32, _FP16, _INT8 = Tolerance(1e-3, 0.999), Tolerance(5e-2, 0.99), Tolerance(None, 0.95)
_SAME_KERNELS = Tolerance(1e-4, 0.999)  # as the source's: only threads may sum in another order
_FEW_ROWS = Tolerance(5e-2, 0.95)  # verified on 20 rows: one of them may get another label

FORMATS = {
    "torch": Format("torch", "torch", {"fp32": _SAME_KERNELS, "fp16": _FP16, "int8": _INT8}),
    "onnx": Format("onnxruntime", "onnx", {"fp32": _FP32, "fp16": _FP16, "int8": _INT8}),
    "executorch": Format("executorch", "pte", {"fp32": _FP32, "int8": _INT8}, ("torchao",)),
    "coreml": Format("coreml", "mlpackage", {"fp16": _FEW_ROWS, "int8": _INT8}),
}
"""Name of the format, and of its module here -> the format."""
INPUTS = ("input_ids", "attention_mask")
"""Inputs of a model of single texts; a model of pairs has ``token_type_ids`` as well."""
COMPUTED_IN_FP32 = "weights are stored as FP16 and computed with in FP32"
"""The remark about a file that is half as large and no faster."""


def file_name(format_: str, precision: str) -> str:
    """Return the name of an exported student's file, such as ``student-int8.onnx``."""
    return f"student-{precision}.{FORMATS[format_].suffix}"


def limits(format_: str) -> str:
    """Return the smallest agreements of a format, such as ``0.999 for fp32, 0.95 for int8``."""
    return ", ".join(f"{allowed.labels:g} for {name}" for name, allowed in FORMATS[format_].precisions.items())
