"""The oldest ONNX Runtime that opens an ONNX file.

The versions are those of ONNX Runtime's own table (onnxruntime.ai, Reference, Compatibility), and for operators that
came between two opsets those of the pull request that added them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

_SINCE = (("1.12", 17, 8), ("1.14", 18, 8), ("1.15", 19, 8), ("1.16", 19, 9), ("1.17", 20, 9), ("1.18", 21, 10))
"""ONNX Runtime, and the newest opset and IR version that it knows."""
_GATHER_BLOCKS = "1.23"
"""GatherBlockQuantized of packed UINT8 with its attribute ``bits`` (pull request 25214)."""
_CAST_INT4 = "1.23"
"""Cast of INT4 tensors (pull request 24973)."""


def least_onnxruntime(path: Path) -> str:
    """Return the version of the oldest ONNX Runtime that opens the ONNX file at `path`, such as ``1.12``.

    Raises:
        ValueError: the file's opset or IR version is newer than the table here.
    """
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    return max(_needed(model), key=lambda version: tuple(map(int, version.split("."))))


def _needed(model: "ModelProto") -> Iterator[str]:
    """Yield a version for each thing in the model that needs one."""
    from onnx import TensorProto

    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    knowing = [version for version, newest, ir in _SINCE if opset <= newest and model.ir_version <= ir]
    if not knowing:
        raise ValueError(f"opset {opset}, IR {model.ir_version}: newer than every known ONNX Runtime; extend the table")
    yield knowing[0]
    packed = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.INT4}
    for node in model.graph.node:
        if node.op_type == "GatherBlockQuantized":
            yield _GATHER_BLOCKS
        if node.op_type == "Cast" and node.input[0] in packed:
            yield _CAST_INT4
