"""LiteRT files: their tensors, and the operators of the signature that each request runs.

LiteRT's Python package has no profiler, so operators have a number and no time.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Operator, Tensor
from pocketbert.compress.runtimes.lengths import padded_to
from pocketbert.compress.tasks.inputs import Batch

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT


def tensors(path: Path) -> list[Tensor]:
    """Return the constants; one that several signatures share is returned once, under its first name."""
    model = _read(path)
    types = _names("TensorType")
    found: dict[int, Tensor] = {}
    for graph in model.subgraphs:
        for node in graph.operators:
            for number in filter(lambda number: number >= 0, node.inputs):  # -1: no bias
                tensor = graph.tensors[number]
                data = model.buffers[tensor.buffer].data
                if data is None or tensor.buffer in found:
                    continue
                shape = tuple(map(int, tensor.shape if tensor.shape is not None else ()))
                found[tensor.buffer] = Tensor(tensor.name.decode(), types[tensor.type].lower(), shape, len(data))
    return list(found.values())


def profile(file: File, threads: int, batches: Sequence[Batch]) -> list[Operator]:
    """Return each kind of operator with its number per request, and no time; `threads` make no difference."""
    model, kinds = _read(file.path), _names("BuiltinOperator")
    graphs = [model.subgraphs[signature.subgraphIndex] for signature in model.signatureDefs]
    by_length = {int(graph.tensors[graph.inputs[0]].shape[1]): graph for graph in graphs}
    counted: Counter[str] = Counter()
    for batch in batches:
        graph = by_length[padded_to(by_length, batch["input_ids"].shape[1], file.path)]
        codes = (model.operatorCodes[node.opcodeIndex] for node in graph.operators)
        counted.update(kinds[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in codes)
    return [Operator(kind, nodes / len(batches), None) for kind, nodes in counted.items()]


def _read(path: Path) -> "ModelT":
    from ai_edge_litert.schema_py_generated import ModelT

    return ModelT.InitFromPackedBuf(path.read_bytes(), 0)


def _names(enumeration: str) -> dict[int, str]:
    """Return the number -> name of one of the format's enumerations."""
    from ai_edge_litert import schema_py_generated

    members: dict[str, Any] = vars(getattr(schema_py_generated, enumeration))
    return {number: name for name, number in members.items() if isinstance(number, int)}
