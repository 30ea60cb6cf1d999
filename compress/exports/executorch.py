"""ExecuTorch files (``.pte``) for XNNPACK on the CPU, FP32 or dynamically quantized to INT8 (embeddings included).

Their only method, ``forward``, takes one text of any length up to the model's positions. A dynamic length is as fast as
a fixed length (128 tokens: 15.2 and 15.1 ms in FP32, 6.6 and 6.8 ms in INT8; 16 tokens: 2.6 ms). Buckets of fixed
lengths would compute their padding too, and each bucket would need an export of its own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import executorch.kernels.quantized  # noqa: F401  registers the kernels of quantized embeddings
import torch
from executorch.backends.xnnpack._passes.remove_noop_expand_copy_pass import RemoveNoopExpandCopyPass
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config
from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
from executorch.exir.dialects._ops import ops
from executorch.exir.pass_base import ExportPass
from executorch.exir.passes.quant_fusion_pass import QuantFusionPass
from torch.export import Dim, ExportedProgram
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import ComposableQuantizer
from torchao.quantization.pt2e.quantizer.embedding_quantizer import EmbeddingQuantizer

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.models.families import positions

if TYPE_CHECKING:
    from torch.fx import Node
    from transformers import PreTrainedModel

_TRACED = 8
"""Tokens of the traced text; any number above the shortest works."""
_SHORTEST = 3
"""The exporter's minimum, because MobileBERT's embeddings read neighbouring tokens; the runtime accepts fewer."""


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, keep_float: Sequence[str] = ()
) -> str | None:
    """Write `model` to the file `path`; each of the `inputs` of ``forward`` is (1, tokens) int64."""
    forward, note = traceable(model)
    # Separate tensors: if two inputs were the same tensor, the exporter would keep only one input.
    arguments = tuple(torch.full((1, _TRACED), int(name != "token_type_ids")) for name in inputs)
    length = Dim("length", min=_SHORTEST, max=positions(model.config))
    shapes = tuple({1: length} for _ in inputs)
    program = torch.export.export(forward, arguments, dynamic_shapes=shapes)
    if precision == "int8":
        kept = {model.get_submodule(name) for name in keep_float}
        weights = {f"{name}.weight" for name, module in forward.named_modules() if module in kept}
        quantized = _quantize(program, arguments, weights)
        program = torch.export.export(quantized, arguments, dynamic_shapes=shapes)
    _write(program, path)
    return note


def _quantize(program: ExportedProgram, arguments: tuple[torch.Tensor, ...], kept: Collection[str]) -> torch.nn.Module:
    """Quantize linear layers per output channel, with dynamic activations, and embeddings per row, except `kept`."""

    def is_free(node: "Node") -> bool:
        return str(getattr(node.args[1], "target", None)) not in kept

    linears = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True))
    linears.set_filter_function(is_free)
    prepared = prepare_pt2e(program.module(), ComposableQuantizer([EmbeddingQuantizer(), linears]))
    prepared(*arguments)  # the weights' observers read them during a run
    converted: torch.nn.Module = convert_pt2e(prepared)
    return converted


def _write(program: ExportedProgram, path: Path) -> None:
    edge = to_edge_transform_and_lower(
        program,
        transform_passes=[RemoveNoopExpandCopyPass(), _InferLength()],
        partitioner=[XnnpackPartitioner()],
        # The check does not know quantized embeddings.
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )
    finished = edge.transform([QuantFusionPass(_fix_node_meta_val=True)]).to_executorch()
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        finished.write_to_file(stream)


class _InferLength(ExportPass):
    """Replaces the only dynamic size of a new shape by -1: XNNPACK accepts such a reshape, but none with a symbol.

    Together with the removal of copies that change no shape, this splits attention into fewer parts: 8 % faster at 128
    tokens.
    """

    def call_operator(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], meta: Any) -> Any:
        if op == ops.edge.aten.view_copy.default:
            sizes = [size if isinstance(size, int) else -1 for size in args[1]]
            if sizes.count(-1) == 1:
                args = (args[0], sizes)
        return super().call_operator(op, args, kwargs, meta)
