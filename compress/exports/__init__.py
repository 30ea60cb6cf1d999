"""Exports: model -> file. A new format is one file here and its line in `FORMATS`.

Each has ``export(model, path, precision, inputs)``, which returns what has to be said about the file, if anything.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        runtime: which opens it.
        suffix: what its files end in.
        precisions: that its weights may have.
    """

    runtime: str
    suffix: str
    precisions: tuple[str, ...]


FORMATS = {
    "torch": Format("torch", "torch", ("fp32",)),
    "onnx": Format("onnxruntime", "onnx", ("fp32", "int8")),
    "executorch": Format("executorch", "pte", ("fp32", "int8")),
}
"""By name; the module here bears it."""

INPUTS = ("input_ids", "attention_mask")
"""What a model of single texts is given; one of pairs gets ``token_type_ids`` as well."""


def file_name(format_: str, precision: str) -> str:
    """What an exported student is called: ``student-int8.onnx``."""
    return f"student-{precision}.{FORMATS[format_].suffix}"
