"""The speed of graphs in ONNX Runtime: forward passes, exporters and fusions, compared with the exported graph.

`python -m studies.runtimes.graph` exports a TinyBERT-shaped student of random weights in every way that
docs/runtimes.md describes, times all of them in turn at 1 and at 2 threads (128 tokens, batch 1), and writes the table
of that page. The exporter `dynamo` needs the package onnxscript; without onnxscript its rows are left out.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.runtimes.onnxruntime import OnnxSession, open_session
from studies.runtimes.forwards import AttentionNode, MaskedValues, RowsFirst, Stock, Unmasked
from studies.shared.page import PAGE, fill_blocks, markdown_table
from studies.shared.race import race, ratio
from studies.shared.shapes import TOKENS, one_text, student

if TYPE_CHECKING:
    from onnxruntime.transformers.onnx_model import OnnxModel
    from transformers import PreTrainedModel

_ROUNDS = 60
_EXPORTED = "exported"
_NAMES = ["input_ids", "attention_mask"]


class Way(NamedTuple):
    """One way to a graph."""

    forward: str
    exporter: str
    fused: bool

    def __str__(self) -> str:
        return ", ".join([self.forward, self.exporter, *(["fused"] if self.fused else [])])


FORWARDS: "dict[str, Callable[[PreTrainedModel], nn.Module]]" = {
    "stock": Stock,
    "plain, rows first": RowsFirst,
    "plain, tokens first": lambda model: traceable(model)[0],
    "plain, Attention node": AttentionNode,
    "plain, mask on the values": MaskedValues,
    "plain, no mask": Unmasked,
}
WAYS = [
    *(
        Way(forward, exporter, fused)
        for forward in list(FORWARDS)[:3]
        for exporter in ("TorchScript", "dynamo")
        for fused in (False, True)
    ),
    *(Way(forward, "TorchScript", False) for forward in list(FORWARDS)[3:]),
]
WAYS = [way for way in WAYS if way.exporter != "dynamo" or find_spec("onnxscript")]


def main() -> None:
    """Write the table into docs/runtimes.md, and print it."""
    quiet()
    with tempfile.TemporaryDirectory() as name, Progress(thread=False) as progress:
        folder, model = Path(name), student()
        files = {precision: _shipped(model, folder, precision) for precision in ("fp32", "int8")}
        progress.say(f"writing {2 * len(WAYS)} files")
        files |= dict(_written(model, folder))
        found = table(files, progress)
    fill_blocks(PAGE, {"graph": found})
    print(found)


def table(files: dict[str, Path], progress: Progress, tokens: int = TOKENS) -> str:
    """Return each file's nodes and, per number of threads, its latency over the exported file's."""
    batch = one_text(tokens, words=13)
    cells: dict[str, list[Any]] = {name: [_nodes(path)] for name, path in files.items()}
    for threads in (1, 2):
        sessions: dict[str, OnnxSession] = {name: open_session(path, threads) for name, path in files.items()}
        times = race(sessions, batch, _ROUNDS, threads, progress)
        for name, row in cells.items():
            row.append(str(ratio(times[name], times[name.rpartition(" ")[2]])))
    rows = [[name.rpartition(" ")[0] or _EXPORTED, name.rpartition(" ")[2], *row] for name, row in cells.items()]
    headers = ["graph", "precision", "nodes", "time / exported, 1 thread", "2 threads"]
    return markdown_table(headers, rows)


def _nodes(path: Path) -> str:
    """Return the number of nodes in the file, and how many of them are fused attention."""
    kinds = [node.op_type for node in onnx.load(str(path)).graph.node]
    fused = sum("Attention" in kind for kind in kinds)
    return f"{len(kinds)}, {fused} of them attention" if fused else str(len(kinds))


def _shipped(model: "PreTrainedModel", folder: Path, precision: str) -> Path:
    path = folder / f"{precision}.onnx"
    export(model, path, precision)
    return path


def _written(model: "PreTrainedModel", folder: Path) -> Iterator[tuple[str, Path]]:
    for number, way in enumerate(WAYS):
        path, small = folder / f"{number}.onnx", folder / f"{number}-int8.onnx"
        write(FORWARDS[way.forward](model).eval(), path, way.exporter)
        if way.fused:
            fuse(path, model)
        yield f"{way} fp32", path
        quantize_dynamic(
            path,
            small,
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            op_types_to_quantize=["MatMul", "Gather", "Attention"],
            # The type behind one of ONNX Runtime's own nodes cannot be inferred; here it is always float.
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        yield f"{way} int8", small


def write(forward: nn.Module, path: Path, exporter: str) -> None:
    """Export with the exporter of that name; batch and length stay dynamic."""
    ids = torch.zeros((2, 16), dtype=torch.long)
    given: tuple[Tensor, ...] = (ids, torch.ones_like(ids))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            dynamic = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=512)}
            torch.onnx.export(
                forward,
                given,
                str(path),
                input_names=_NAMES,
                output_names=["logits"],
                dynamic_shapes=(dynamic, dynamic),
                external_data=False,
                verbose=False,
                dynamo=True,
            )
        else:
            axes = {0: "batch", 1: "length"}
            torch.onnx.export(
                forward,
                given,
                str(path),
                input_names=_NAMES,
                output_names=["logits"],
                dynamic_axes=dict.fromkeys(_NAMES, axes),
                opset_version=17,
                custom_opsets={"com.microsoft": 1},
                dynamo=False,
            )


def fuse(path: Path, model: "PreTrainedModel") -> None:
    """Rewrite the file with the BERT fusions of ``onnxruntime.transformers``."""
    from onnxruntime.transformers.optimizer import optimize_model

    fused: OnnxModel = optimize_model(
        str(path),
        model_type="bert",
        num_heads=model.config.num_attention_heads,
        hidden_size=model.config.hidden_size,
        opt_level=0,
    )
    fused.save_model_to_file(str(path))


if __name__ == "__main__":
    main()
