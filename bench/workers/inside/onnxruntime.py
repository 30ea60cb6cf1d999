"""ONNX files: their initialisers, and ONNX Runtime's own profile."""

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Operator, Tensor
from pocketbert.compress.tasks.inputs import Batch

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_WARM_UP = 3
_NUMBERED = re.compile(r"onnx::|val_\d|\d+$")
_STEPS = 7
"""Largest number of nodes from a weight to its bias: INT4 is unpacked, a quantized product cast and scaled twice."""


def tensors(path: Path) -> list[Tensor]:
    """Return the initialisers.

    A weight with a name that an exporter made up (``onnx::MatMul_489``) gets the name of the first named tensor that
    its product is combined with, usually its bias: ``layers.0.attention.self.query.weight``.
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
        name = name.replace("_Transposed", "")  # the quantizer's name for a ``Gemm``'s weight
        found.append(Tensor(name, str(dtype), tuple(tensor.dims), _bytes(tensor, dtype.itemsize)))
    return found


def _called(name: str, readers: Mapping[str, Sequence["NodeProto"]], named: set[str]) -> str:
    """Return a name for a tensor without a telling one, after the first named tensor next to its product."""
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
    """Return the tensor's size in the file; for typed or external data, the size of the raw data."""
    return len(tensor.raw_data) or int(np.prod(tensor.dims, dtype=np.int64)) * itemsize


def profile(file: File, threads: int, batches: Sequence[Batch]) -> list[Operator]:
    """Return each kind of node of the optimised graph: the sum of its nodes' median times per request."""
    from pocketbert.compress.runtimes.onnxruntime import OnnxSession, options

    profiled = options(threads)
    profiled.enable_profiling = True
    with tempfile.TemporaryDirectory(prefix="pocketbert-") as folder:
        profiled.profile_file_prefix = f"{folder}/profile"
        session = OnnxSession(file.path, profiled, file.inputs)
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
