"""Exports: model -> file. A new format is one file here and its line in `FORMATS`.

Each has ``export(model, path, precision, inputs)``, which returns what has to be said about the file, if anything.
"""

FORMATS = {"torch": "torch", "onnx": "onnxruntime"}
"""Format -> the runtime that opens it; the module here bears the format's name."""

INPUTS = ("input_ids", "attention_mask")
"""What a model of single texts is given; one of pairs gets ``token_type_ids`` as well."""


def file_name(format_: str, precision: str) -> str:
    """What an exported student is called: ``student-int8.onnx``."""
    return f"student-{precision}.{format_}"
