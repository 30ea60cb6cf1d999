"""ExecuTorch files (``.pte``) for XNNPACK on the CPU: FP32, or INT8 or INT4 weights, embeddings included.

The inputs of quantized linear layers are rounded to INT8 while a text is answered, with a scale for each token.

Their only method, ``forward``, takes one text of any length up to the model's positions. A dynamic length is as fast as
a fixed length (128 tokens: 15.2 and 15.1 ms in FP32, 6.6 and 6.8 ms in INT8; 16 tokens: 2.6 ms). Buckets of fixed
lengths would compute their padding too, and each bucket would need an export of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
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
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torchao.quantization.pt2e.observer import PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import ComposableQuantizer, QuantizationSpec

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.models.families import positions
from pocketbert.compress.models.rounding import LINEAR_LEVELS, round_rows, row_precision, stored_precision

if TYPE_CHECKING:
    from torch.fx import GraphModule, Node
    from transformers import PreTrainedModel

_TRACED = 8
"""Tokens of the traced text; any number above the shortest works."""
_SHORTEST = 3
"""The exporter's minimum, because MobileBERT's embeddings read neighbouring tokens; the runtime accepts fewer."""
_FLOAT = "float"


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, kept: Mapping[str, str] = {}
) -> str | None:
    """Write `model` to the file `path`; each of the `inputs` of ``forward`` is (1, tokens) int64."""
    forward, note = traceable(model)
    # Separate tensors: if two inputs were the same tensor, the exporter would keep only one input.
    arguments = tuple(torch.full((1, _TRACED), int(name != "token_type_ids")) for name in inputs)
    length = Dim("length", min=_SHORTEST, max=positions(model.config))
    shapes = tuple({1: length} for _ in inputs)
    program = torch.export.export(forward, arguments, dynamic_shapes=shapes)
    if precision != "fp32":
        own = {id(model.get_submodule(name)): to for name, to in kept.items()}
        wanted = {name: own.get(id(module), precision) for name, module in forward.named_modules()}
        quantized = _with_integer_tables(_with_integer_linears(program, arguments, wanted), wanted)
        program = torch.export.export(quantized, arguments, dynamic_shapes=shapes)
    _write(program, path)
    return note


def _with_integer_linears(
    program: ExportedProgram, arguments: tuple[Tensor, ...], wanted: Mapping[str, str]
) -> "GraphModule":
    """Quantize linear layers per output channel, with dynamic activations; `wanted` maps layers to precisions."""
    module = program.module()
    quantizers = []
    for precision in ("int8", "int4"):
        quantizer = XNNPACKQuantizer().set_global(_linear_config(precision))
        quantizer.set_filter_function(_stored_in(precision, module, wanted))
        quantizers.append(quantizer)
    prepared = prepare_pt2e(module, ComposableQuantizer(quantizers))
    prepared(*arguments)  # the weights' observers read them during a run
    converted: GraphModule = convert_pt2e(prepared)
    return converted


def _stored_in(precision: str, module: torch.nn.Module, wanted: Mapping[str, str]) -> Callable[["Node"], bool]:
    def chosen(node: "Node") -> bool:
        name = str(getattr(node.args[1], "target", None))
        return name.endswith(".weight") and _precision(name, module.get_parameter(name), wanted) == precision

    return chosen


def _precision(name: str, weight: Tensor, wanted: Mapping[str, str]) -> str:
    """Return the precision in which the parameter of that name is stored."""
    return stored_precision(weight.numel(), wanted[name.rpartition(".")[0]])


def _linear_config(precision: str) -> Any:
    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    if precision == "int8":
        return config
    # The limits by which XNNPACK's 4-bit kernel is chosen.
    weight = QuantizationSpec(
        torch.int8, _SymmetricInt4, -8, 7, qscheme=torch.per_channel_symmetric, ch_axis=0, is_dynamic=False
    )
    return replace(config, weight=weight)


class _SymmetricInt4(PerChannelMinMaxObserver):
    """Observer of weights for the grid from -7 to 7.

    torchao's own observer divides the largest magnitude by 7.5 and truncates what is above 7. That shifts the mean of a
    layer's outputs.
    """

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        scale = torch.maximum(-self.min_val, self.max_val) / LINEAR_LEVELS["int4"]
        scale = torch.where(scale < torch.finfo(scale.dtype).tiny, 1.0, scale)
        return scale, torch.zeros_like(scale, dtype=torch.int64)


def _with_integer_tables(module: "GraphModule", wanted: Mapping[str, str]) -> "GraphModule":
    """Replace each lookup of an embedding matrix by the lookup of integers with a scale for each row."""
    graph = module.graph
    for lookup in graph.find_nodes(op="call_function", target=torch.ops.aten.embedding.default):
        name = str(lookup.args[0].target)
        weight = module.get_parameter(name)
        precision = row_precision(weight.shape, wanted[name.rpartition(".")[0]])
        if precision == _FLOAT:
            continue
        rounded, scales = round_rows(weight.detach().numpy(), precision)
        integers = torch.from_numpy(rounded)
        if precision == "int4":
            shifted = (integers + 8).view(torch.uint8)
            integers = shifted[:, ::2] << 4 | shifted[:, 1::2]
        stored = []
        for part, tensor in (("integers", integers), ("scales", torch.from_numpy(scales).float().squeeze(1))):
            module.register_buffer(buffer := f"{name.replace('.', '_')}_{part}", tensor)
            stored.append(buffer)
        with graph.inserting_before(lookup):
            held = [graph.get_attr(buffer) for buffer in stored]
            found = graph.call_function(_LOOKUPS[precision][0], (*held, None, *_LOOKUPS[precision][1:], lookup.args[1]))
        lookup.replace_all_uses_with(found)
        graph.erase_node(lookup)
    graph.eliminate_dead_code()
    module.recompile()
    return module


_quantized: Any = torch.ops.quantized_decomposed
_LOOKUPS = {
    "int8": (_quantized.embedding_byte.default, -128, 127),
    "int4": (_quantized.embedding_4bit.default, -8, 7),
}
"""Precision of an embedding matrix -> the operator that looks up its rows, and the limits that it has to be told."""


def _write(program: ExportedProgram, path: Path) -> None:
    finished = to_edge_transform_and_lower(
        program,
        transform_passes=[RemoveNoopExpandCopyPass(), _InferLength()],
        partitioner=[XnnpackPartitioner()],
        # The check does not know quantized embeddings.
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    ).to_executorch()
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


def min_runtime(path: Path) -> str:
    """Return the version that wrote the file: older ones are not promised to open it."""
    return f"ExecuTorch {version('executorch')}"
