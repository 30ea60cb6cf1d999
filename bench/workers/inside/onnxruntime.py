"""ONNX files: their initialisers, and ONNX Runtime's own profile of them."""

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from pocketbert.bench.workers.inside import Operator, Tensor
from pocketbert.compress.tasks.inputs import Batch

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_WARM_UP = 3
_NUMBERED = re.compile(r"onnx::|val_\d|\d+$")
_STEPS = 6
"""From a weight to the bias it goes with: a quantized product is cast and scaled twice on the way."""


def tensors(path: Path) -> list[Tensor]:
    """The initialisers.

    A weight whose name an exporter made up (``onnx::MatMul_489``) is called after the named tensor that its product
    meets first, usually its bias: ``layers.0.attention.self.query.weight``.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    named = {tensor.name for tensor in graph.initializer if not _NUMBERED.match(tensor.name)}
    found = []
    for tensor in graph.initializer:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        name = tensor.name if tensor.name in named else _called(tensor.name, readers, named)
        name = name.replace("_Transposed", "")  # the quantizer's word for a ``Gemm``'s weight
        found.append(Tensor(name, str(dtype), tuple(tensor.dims), _bytes(tensor, dtype.itemsize)))
    return found


def external_data(path: Path) -> str:
    """The file beside a graph in which its first weight lies that is not in it; empty if all are."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        weights = onnx.load(str(path), load_external_data=False).graph.initializer
    except DecodeError:  # no graph: for the runtime to say
        return ""
    entries = (entry for weight in weights for entry in weight.external_data if entry.key == "location")
    return next((entry.value for entry in entries), "")


def _called(name: str, readers: Mapping[str, Sequence["NodeProto"]], named: set[str]) -> str:
    """A name for a tensor that has none: what it is, and beside what."""
    suffix = next((end for end in ("_quantized", "_scale", "_zero_point") if name.endswith(end)), "")
    at = name
    for _ in range(_STEPS):
        if not readers.get(at):
            return name
        node = readers[at][0]
        for beside in node.input:
            if beside in named:
                return f"{beside.removesuffix('.bias')}.weight{suffix}"
        at = node.output[0]
    return name


def _bytes(tensor: "TensorProto", itemsize: int) -> int:
    """In the file: as they stand, or, for a few numbers or another file, as they would."""
    return len(tensor.raw_data) or int(np.prod(tensor.dims, dtype=np.int64)) * itemsize


def profile(
    path: Path, threads: int, batches: Sequence[Batch], inputs: Mapping[str, str] | None = None
) -> list[Operator]:
    """Each kind of node as the optimised graph runs it: the median over the requests of each node's time, summed."""
    from pocketbert.compress.runtimes.onnxruntime import OnnxSession, options

    profiled = options(threads)
    profiled.enable_profiling = True
    with tempfile.TemporaryDirectory(prefix="pocketbert-") as folder:
        profiled.profile_file_prefix = f"{folder}/profile"
        session = OnnxSession(path, profiled, inputs)
        for batch in [*batches[:_WARM_UP], *batches]:
            session.logits(batch)
        events: list[dict[str, Any]] = json.loads(session.end_profiling().read_text(encoding="utf-8"))
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times[event["args"]["op_name"], event["args"]["node_index"]].append(event["dur"] / 1000)
    kinds: dict[str, list[float]] = defaultdict(list)
    for (kind, _), ms in times.items():
        kinds[kind].append(median(ms[_WARM_UP:] or ms))
    return [Operator(kind, len(each), sum(each)) for kind, each in kinds.items()]
