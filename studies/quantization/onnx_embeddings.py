"""Ways to store INT4 embeddings in an ONNX file: size, time and memory.

`python -m studies.quantization.onnx_embeddings [FOLDER]` exports the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) with its embeddings stored in each way. It
times each in turn with the INT8 file, in one process on one thread, batch 1, 128 tokens, and measures the memory of
each as the gate does.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.workers.child import Child, resident
from pocketbert.bench.workers.file import File
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.graph.linears import int4_tensor
from pocketbert.compress.exports.onnx import export
from studies.shared.built import TIMED, Built, StudentFile
from studies.shared.page import markdown_table
from studies.shared.shapes import TOKENS, one_text

_ROUNDS, _CHILDREN, _REQUESTS = 400, 5, 10
_INT8, _PACKED = "INT8", "INT4, two values in a byte"


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    text = one_text(words=built.model.config.vocab_size)
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        ways = (_INT8, _PACKED, "INT4 + Cast", "GatherBlockQuantized")
        files = {way: StudentFile("onnxruntime", Path(name) / f"{number}.onnx") for number, way in enumerate(ways)}
        int8, packed, cast, blocks = (file.path for file in files.values())
        export(built.model, int8, "int8")
        export(built.model, packed, "int4")
        onnx.save(_rewritten(onnx.load(packed), _as_cast), cast)
        rewritten = _rewritten(onnx.load(packed), _as_blocks)
        rewritten.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        onnx.save(rewritten, blocks)
        sessions = {way: file.open() for way, file in files.items()}
        logits = {way: session.logits(text) for way, session in sessions.items()}
        ids = text["input_ids"][0].tolist()
        table = []
        for way, file in files.items():
            timed = built.timed(sessions[way], sessions[_INT8], _ROUNDS, progress)
            with progress.work(f"measuring memory: {way}", _CHILDREN) as bar:
                own = []
                for _ in range(_CHILDREN):
                    own.append(_own(file.path, ids))
                    bar.advance()
            difference = np.abs(logits[way] - logits[_PACKED]).max()
            table.append([way, file.megabytes, *timed, f"{median(own):.1f}", f"{difference:.1g}"])
    headers = ["embeddings", "MB", *TIMED, "model memory, MiB", "logit difference to the exporter's"]
    print(f"{TOKENS} tokens, 1 thread.\n\n{markdown_table(headers, table)}")


def _own(path: Path, ids: list[int]) -> float:
    """Return the memory of the model in a fresh process, MiB, as `pocketbert.bench.measuring.metrics.memory` does."""
    cores = usable_cores()
    with Child(len(cores), cores, steady_heap=True) as child:
        imports = child.imports("onnxruntime")
        child.begin_load(File("onnxruntime", path))
        load = resident(child.finish())
        child.requests([ids])
        for _ in range(_REQUESTS):
            child.run(0)
        end = child.memory()
    return max(load.anonymous, end.anonymous) - imports.anonymous + end.mapped


def _rewritten(
    model: onnx.ModelProto, lookup: Callable[[GraphProto, str, str, str], list[NodeProto]]
) -> onnx.ModelProto:
    """Replace the lookups of packed rows, which `lookup` makes anew."""
    graph = model.graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    nodes = list(graph.node)
    for gather in [
        node for node in nodes if node.op_type == "Gather" and types.get(node.input[0]) == TensorProto.UINT8
    ]:
        rows = gather.output[0].removesuffix("_quantized")
        old = [
            node
            for node in nodes
            if node.output[0] == rows or node.output[0].startswith((f"{rows}_quantized", f"{rows}_scale"))
        ]
        at = nodes.index(old[0])
        new = lookup(graph, gather.input[0].removesuffix("_quantized"), gather.input[1], rows)
        nodes = [*nodes[:at], *new, *(node for node in nodes[at:] if node not in old)]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    return model


def _integers(graph: GraphProto, matrix: str) -> NDArray[np.int8]:
    """Unpack a matrix and remove it from the graph."""
    tensor = next(tensor for tensor in graph.initializer if tensor.name == f"{matrix}_quantized")
    packed = numpy_helper.to_array(tensor)
    graph.initializer.remove(tensor)
    return np.hstack([packed & 15, packed >> 4]).astype(np.int8) - np.int8(8)


def _as_cast(graph: GraphProto, matrix: str, ids: str, rows: str) -> list[NodeProto]:
    """Store the matrix as an INT4 tensor that becomes INT8 when the file is opened."""
    graph.initializer.append(int4_tensor(_integers(graph, matrix), f"{matrix}_int4"))
    return [
        helper.make_node("Cast", [f"{matrix}_int4"], [f"{matrix}_int8"], to=TensorProto.INT8),
        helper.make_node("Gather", [f"{matrix}_int8", ids], [f"{rows}_int8"]),
        helper.make_node("Cast", [f"{rows}_int8"], [f"{rows}_float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [f"{matrix}_scale", ids], [f"{rows}_scale"]),
        helper.make_node("Cast", [f"{rows}_scale"], [f"{rows}_scale_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{rows}_float", f"{rows}_scale_float"], [rows]),
    ]


def _as_blocks(graph: GraphProto, matrix: str, ids: str, rows: str) -> list[NodeProto]:
    """Store the matrix for ONNX Runtime's own operator, which unpacks rows when they are looked up."""
    integers = _integers(graph, matrix)
    unsigned = (integers + np.int8(8)).astype(np.uint8)
    packed = unsigned[:, ::2] | unsigned[:, 1::2] << 4
    graph.initializer.append(numpy_helper.from_array(packed, f"{matrix}_blocks"))
    block = 1 << int(integers.shape[1] - 1).bit_length()  # a row has one scale
    found = helper.make_node(
        "GatherBlockQuantized",
        [f"{matrix}_blocks", ids, f"{matrix}_scale"],
        [f"{rows}_half"],
        domain="com.microsoft",
        block_size=block,
        bits=4,
        gather_axis=0,
        quantize_axis=1,
    )
    return [found, helper.make_node("Cast", [f"{rows}_half"], [rows], to=TensorProto.FLOAT)]


if __name__ == "__main__":
    main()
