"""What the NPU runtimes that ONNX Runtime hands a graph to, NNAPI and Core ML, would leave on the CPU."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onnxruntime.tools.mobile_helpers.usability_checker import check_coreml_partitions, check_nnapi_partitions
from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo, optimize_model

_COREML_ROWS = 16_384
"""Rows of the largest matrix that ONNX Runtime's Core ML provider takes: Core ML limits every dimension."""
_COREML_OPERATORS = "coreml_supported_mlprogram_ops.md"


def left_on_cpu(path: Path, tokens: int) -> str:
    """Describe how many nodes of the graph NNAPI and Core ML take, and which operators they leave on the CPU.

    These are the rules of ``onnxruntime.tools.check_onnx_model_mobile_usability``, which look at operators and shapes
    alone: a phone may take less.

    Args:
        tokens: rows of the largest embedding matrix.
    """
    with TemporaryDirectory() as folder:
        basic = Path(folder, path.name)
        optimize_model(path, basic, use_external_initializers=True)
        graph = ModelProtoWithShapeInfo(basic).model_with_shape_info
        nnapi = check_nnapi_partitions(graph, require_fixed_input_sizes=True)
        coreml = check_coreml_partitions(graph, True, _COREML_OPERATORS)
    return "; ".join([_described("NNAPI", nnapi), _described("Core ML", coreml), *_too_large(tokens)])


def _described(name: str, found: Any) -> str:
    """Describe one runtime's share of a graph."""
    share = f"{name} would take {found.num_supported_nodes} of {found.num_nodes} nodes in {found.num_partitions} parts"
    left = ", ".join(sorted(operator.removeprefix("ai.onnx:") for operator in found.unsupported_ops))
    return f"{share} and leave on the CPU: {left or 'no operator'}"


def _too_large(tokens: int) -> Iterator[str]:
    if tokens > _COREML_ROWS:
        yield (
            f"the token embeddings ({tokens:,} rows) stay on the CPU under Core ML, whose matrices have at most "
            f"{_COREML_ROWS:,} rows: add a prune-vocab stage"
        )
