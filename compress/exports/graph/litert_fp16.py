"""FP16 for the constants of a LiteRT file that are added to activations, such as the position embeddings of a length.

XNNPACK reads an FP16 constant behind a DEQUANTIZE once, when the file is opened, so that no request takes longer.
"""

from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import BufferT, BuiltinOperator, OperatorCodeT, OperatorT, TensorT, TensorType

_ADD = BuiltinOperator.ADD
_LEAST = 2_048
"""Fewer values save less than the two tensors cost in the file."""
_FP16_SINCE = 3
"""The version of the operator DEQUANTIZE that reads FP16."""


def store_added_constants_as_fp16(model: Any) -> None:
    """Change the constants of `model`, a LiteRT file as objects, in place."""
    before = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    for graph in model.subgraphs:
        adds = [node for node in graph.operators if model.operatorCodes[node.opcodeIndex].builtinCode == _ADD]
        numbers = {int(number) for node in adds for number in node.inputs}
        made = [_dequantized(model, graph, n) for n in sorted(numbers) if _is_large_constant(model, graph.tensors[n])]
        halved = {operator.inputs[0]: operator.outputs[0] for operator in made}
        for node in graph.operators:  # every reader, of whatever kind
            if node.inputs is not None:
                node.inputs = [halved.get(int(number), int(number)) for number in node.inputs]
        graph.operators = [*made, *graph.operators]
    for number in before - {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}:
        model.buffers[number].data = None


def _is_large_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return tensor.type == TensorType.FLOAT32 and data is not None and len(data) >= 4 * _LEAST


def _dequantized(model: Any, graph: Any, number: int) -> Any:
    """Store the tensor of that number in FP16; returns the operator that makes FP32 of it again."""
    stored = graph.tensors[number]
    buffer = BufferT()
    buffer.data = np.frombuffer(model.buffers[stored.buffer].data, np.float32).astype(np.float16).view(np.uint8)
    model.buffers.append(buffer)
    read = TensorT()
    read.shape, read.type, read.name, read.buffer = stored.shape, stored.type, stored.name + b"/fp32", 0
    stored.type, stored.buffer = TensorType.FLOAT16, len(model.buffers) - 1
    graph.tensors.append(read)
    operator = OperatorT()
    operator.opcodeIndex = _operator_code(model)
    operator.inputs, operator.outputs = [number], [len(graph.tensors) - 1]
    return operator


def _operator_code(model: Any) -> int:
    """Return the number of the operator in the file's list, which it is added to if it is not there."""
    wanted = BuiltinOperator.DEQUANTIZE
    for number, code in enumerate(model.operatorCodes):
        if code.builtinCode == wanted and code.version >= _FP16_SINCE:
            return number
    code = OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = wanted
    code.version = _FP16_SINCE
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
