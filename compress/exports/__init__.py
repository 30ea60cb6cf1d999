"""Exports: model -> file. A new format is one file here and its line in `FORMATS`."""

FORMATS = {"torch": "torch", "onnx": "onnxruntime"}
"""Format -> the runtime that opens it; the module here bears the format's name."""


def file_name(format_: str, precision: str) -> str:
    """What an exported student is called: ``student-int8.onnx``."""
    return f"student-{precision}.{format_}"
