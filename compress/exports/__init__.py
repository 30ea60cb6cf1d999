"""Exports: model -> file. A new format is one file here and its line in `FORMATS`.

Each module has ``export(model, path, precision, inputs, kept)``, which returns a remark about the file, or None.
`inputs` are the names of the file's inputs, in its order; a model of pairs has ``token_type_ids`` third. `kept` maps
linear layers and embeddings, named as ``named_modules()`` does, to the precision that they keep because rounding hurt
them most: "float" (Core ML: FP16), or in an INT4 file "int8". A format of fixed lengths has ``export(…, lengths)``, in
increasing order, as well.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Tolerance(NamedTuple):
    """The largest allowed difference between an export and its PyTorch source.

    Attributes:
        logit: largest difference of a logit, scaled up where logits exceed 10; None for INT8 and INT4: the guard
            limits the effect of their rounding on the metric.
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
        fixed_lengths: whether the file takes texts of fixed lengths only, which the recipe's `lengths` name.
        calibrated: whether the exporter takes one length only, and training rows (``export(…, lengths, rows)``), on
            which it measures the range of each activation.
        needs: precision -> the oldest version of the runtime's package that opens such a file, where older ones open
            the others.
    """

    runtime: str
    suffix: str
    precisions: Mapping[str, Tolerance]
    made_with: tuple[str, ...] = ()
    fixed_lengths: bool = False
    calibrated: bool = False
    needs: Mapping[str, str] = {}


_FP32, _FP16, _INT8 = Tolerance(1e-3, 0.999), Tolerance(5e-2, 0.99), Tolerance(None, 0.95)
_INT4 = Tolerance(None, 0.9, 0.9)
_SAME_KERNELS = Tolerance(1e-4, 0.999)  # as the source's: only threads may sum in another order
_FEW_ROWS = Tolerance(5e-2, 0.95)  # verified on 20 rows: one of them may get another label

FORMATS = {
    "torch": Format("torch", "torch", {"fp32": _SAME_KERNELS, "fp16": _FP16, "int8": _INT8}),
    "onnx": Format(
        *("onnxruntime", "onnx", {"fp32": _FP32, "fp16": _FP16, "int8": _INT8, "int4": _INT4}),
        made_with=("onnx",),
        needs={"int4": "1.23"},  # casts INT4 tensors
    ),
    "onnx-qdq": Format("onnxruntime", "qdq.onnx", {"int8": _INT8}, ("onnx",), fixed_lengths=True, calibrated=True),
    "ort": Format(
        *("onnxruntime", "ort", {"fp32": _FP32, "int8": _INT8, "int4": _INT4}, ("onnx",)), needs={"int4": "1.23"}
    ),
    "executorch": Format("executorch", "pte", {"fp32": _FP32, "int8": _INT8, "int4": _INT4}, ("torchao",)),
    "litert": Format(
        *("litert", "tflite", {"fp32": _FP32, "int8": _INT8, "int4": _INT4}),
        made_with=("litert_torch", "litert_quantizer"),
        fixed_lengths=True,
    ),
    "coreml": Format(
        *("coreml", "mlpackage", {"fp16": _FEW_ROWS, "int8": _INT8, "int4": _INT4}),
        needs={"int4": "8.0"},  # knows iOS 18
    ),
}
"""Name of the format -> the format; its module here has the same name, with ``_`` for ``-``."""
PRECISIONS = ["fp32", "fp16", "int8", "int4"]
"""Every precision that weights can have."""
SHORTEST = 3
"""Tokens of the shortest text that a file of fixed lengths may be made for."""
INPUTS = ("input_ids", "attention_mask")
"""Inputs of a model of single texts; a model of pairs has ``token_type_ids`` as well."""
COMPUTED_IN_FP32 = "weights are stored as FP16 and computed with in FP32"
"""The remark about a file that is half as large and no faster."""


def module_name(format_: str) -> str:
    """Return the full name of a format's module."""
    return f"{__name__}.{format_.replace('-', '_')}"


def file_name(format_: str, precision: str, lengths: Sequence[int] = ()) -> str:
    """Return the name of an exported student's file, such as ``student-int8.onnx``.

    The name of a file that takes texts of one length alone ends in it: ``student-int4-32.tflite``.
    """
    only = f"-{lengths[0]}" if len(lengths) == 1 else ""
    return f"student-{precision}{only}.{FORMATS[format_].suffix}"


def step_name(format_: str, precision: str, lengths: Sequence[int] = ()) -> str:
    """Return the name of an export's step, such as ``onnx-int8``, or ``litert-int8-32`` of a file for one length."""
    only = f"-{lengths[0]}" if len(lengths) == 1 else ""
    return f"{format_}-{precision}{only}"


def wrong_lengths(format_: str, lengths: Sequence[int]) -> str | None:
    """Return what is wrong with the `lengths` that somebody wants of a format, or None."""
    if not FORMATS[format_].fixed_lengths:
        return f"{format_} takes texts of any length; remove it" if lengths else None
    if not lengths:
        return f"{format_} takes texts of fixed lengths; name them, such as 32 and 128"
    if list(lengths) != sorted(set(lengths)):
        return f"expected in increasing order: {sorted(set(lengths))}"
    return None if lengths[0] >= SHORTEST else f"expected {SHORTEST} tokens or more; two of them are special"


def wrong_precision(format_: str, precision: str) -> str | None:
    """Return what is wrong with a `precision` that somebody wants of a format, or None."""
    if precision in FORMATS[format_].precisions:
        return None
    others = [name for name, known in FORMATS.items() if precision in known.precisions]
    having = f"; formats with {precision}: {', '.join(others)}" if others else ""
    return f"allowed for {format_}: {', '.join(FORMATS[format_].precisions)}{having}"


def limits(format_: str) -> str:
    """Return the smallest agreements of a format, such as ``0.999 for fp32, 0.95 for int8``."""
    return ", ".join(f"{allowed.labels:g} for {name}" for name, allowed in FORMATS[format_].precisions.items())
