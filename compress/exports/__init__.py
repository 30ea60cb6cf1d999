"""Exports: model -> file. A new format is one file here and its line in `FORMATS`.

Each has ``export(model, path, precision, inputs, keep_float)``, which returns what has to be said about the file, if
anything; `keep_float` are names of Linears, as ``named_modules()`` gives them, that stay in float in an INT8 file.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        runtime: which opens it.
        suffix: what its files end in.
        precisions: that its weights may have.
        made_with: packages beside the runtime's that decide what is in a file.
    """

    runtime: str
    suffix: str
    precisions: tuple[str, ...]
    made_with: tuple[str, ...] = ()


FORMATS = {
    "torch": Format("torch", "torch", ("fp32", "fp16", "int8")),
    "onnx": Format("onnxruntime", "onnx", ("fp32", "fp16", "int8")),
    "executorch": Format("executorch", "pte", ("fp32", "int8"), ("torchao",)),
    "coreml": Format("coreml", "mlpackage", ("fp16", "int8")),
}
"""By name; the module here bears it."""
INPUTS = ("input_ids", "attention_mask")
"""What a model of single texts is given; one of pairs gets ``token_type_ids`` as well."""
COMPUTED_IN_FP32 = "weights are stored as FP16 and computed with in FP32"
"""What has to be said about a file that is half as large and no faster."""


def file_name(format_: str, precision: str) -> str:
    """What an exported student is called: ``student-int8.onnx``."""
    return f"student-{precision}.{FORMATS[format_].suffix}"
