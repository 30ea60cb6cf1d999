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
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.graph.linears import int4_tensor
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes import open_session
from studies.shared.page import markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import TOKENS, one_text

_ROUNDS, _CHILDREN, _REQUESTS = 400, 5, 10


def main() -> None:
    """Print the table."""
    quiet()
    folder = Path(sys.argv[1] if sys.argv[1:] else "artifacts/offline/stages/03-prune-vocab")
    model = load_classifier(folder / "model").eval()
    text = one_text(words=model.config.vocab_size)
    with tempfile.TemporaryDirectory() as name:
        files = {
            way: Path(name) / f"{number}.onnx"
            for number, way in enumerate(("INT8", "INT4, two values in a byte", "INT4 + Cast", "GatherBlockQuantized"))
        }
        int8, packed, cast, blocks = files.values()
        export(model, int8, "int8")
        export(model, packed, "int4")
        onnx.save(_rewritten(onnx.load(packed), _as_cast), cast)
        rewritten = _rewritten(onnx.load(packed), _as_blocks)
        rewritten.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        onnx.save(rewritten, blocks)
        sessions = {way: open_session("onnxruntime", path, 1) for way, path in files.items()}
        logits = {way: session.logits(text) for way, session in sessions.items()}
        times = {way: race({"INT8": sessions["INT8"], way: sessions[way]}, text, _ROUNDS, threads=1) for way in files}
        own = {
            way: median(_own(path, text["input_ids"][0].tolist()) for _ in range(_CHILDREN))
            for way, path in files.items()
        }
        table = [
            [
                way,
                f"{path.stat().st_size / 1e6:.2f}",
                f"{median(times[way][way]):.2f}",
                str(ratio(times[way][way], times[way]["INT8"])),
                f"{own[way]:.1f}",
                f"{np.abs(logits[way] - logits['INT4, two values in a byte']).max():.1g}",
            ]
            for way, path in files.items()
        ]
    headers = [
        "embeddings",
        "MB",
        "P50 ms",
        "time / INT8 (95 % CI)",
        "model memory, MiB",
        "logit difference to the exporter's",
    ]
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
