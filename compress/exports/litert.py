"""LiteRT files (``.tflite``) for XNNPACK on the CPU, FP32 or dynamically quantized to INT8 or INT4.

A file has one signature for each length of texts, and the signatures share the weights (sizes:
docs/quantization-results.md). Linear layers have one scale per output, embeddings one per row, and activations one per
token, so that neither padding nor another text changes a logit.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import litert_torch
import numpy as np
import torch
from litert_quantizer.quantizer import Quantizer
from litert_quantizer.utils.tfl_flatbuffer_utils import TFL_OP_CODE_TO_NAME, get_op_scope, get_tensor_data, read_model
from numpy.typing import NDArray
from torch import Tensor, nn

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.quiet import silent_stderr
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.exports.graph.litert_fp16 import store_added_constants_as_fp16
from pocketbert.compress.models.checks import check_lengths
from pocketbert.compress.models.rounding import stored_precision

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BITS = {"int8": 8, "int4": 4}
_QUANTIZED = ("FULLY_CONNECTED", "EMBEDDING_LOOKUP")
_ALIGNED = 16
"""Bytes that the data of weights are aligned to (``force_align`` in the format's schema)."""

litert_torch.config.show_progress = False


def export(
    model: "PreTrainedModel",
    path: Path,
    precision: str,
    inputs: Sequence[str] = INPUTS,
    kept: Mapping[str, str] = {},
    lengths: Sequence[int] = (128,),
) -> str | None:
    """Write `model` to the file `path`; each of the `inputs` of a signature is (1, length) int32.

    Raises:
        BadInput: the model has too few positions for a length.
    """
    check_lengths(model.config, lengths, path.name)
    forward, note = traceable(model)
    with silent_stderr(), warnings.catch_warnings():  # the converter's own remarks, also in C++
        warnings.simplefilter("ignore")
        content = _named(_converted(forward, inputs, lengths), dict(model.named_parameters()))
        if precision != "fp32":
            quantized: Any = read_model(_quantized(content, precision, kept))
            store_added_constants_as_fp16(quantized)
            content = _written(quantized)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return note


def min_runtime(path: Path) -> str:
    """Return the version that the file was made for: older ones may lack a kernel, such as those of INT4."""
    return f"LiteRT {version('ai-edge-litert')}"


class _Labelled(nn.Module):
    """A classifier whose output has a name in the file."""

    def __init__(self, forward: nn.Module) -> None:
        super().__init__()
        self.inner = forward

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> dict[str, Tensor]:
        return {"logits": self.inner(input_ids, attention_mask, token_type_ids)}


def _converted(forward: nn.Module, inputs: Sequence[str], lengths: Sequence[int]) -> bytes:
    converter, module = litert_torch.Converter(), _Labelled(forward).eval()
    for length in lengths:
        given = {name: torch.full((1, length), int(name != "token_type_ids"), dtype=torch.int32) for name in inputs}
        converter.add_signature(f"tokens_{length}", module, sample_kwargs=given)
    content: bytes = converter.convert().model_content()
    return content


def _named(content: bytes, parameters: Mapping[str, Tensor]) -> bytes:
    """Give each weight the name of its parameter, and shorten the names of all other tensors to their module.

    The converter numbers weights and writes the classes of all modules around an operator: a tenth of a small file.
    """
    model: Any = read_model(content)
    known = {values.detach().numpy().tobytes(): name for name, values in parameters.items()}
    used: Counter[str] = Counter()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            name = (known.get(data.tobytes()) if data is not None else None) or _module(tensor.name.decode())
            used[name] += 1
            tensor.name = (name if used[name] == 1 else f"{name};{used[name]}").encode()  # the quantizer's rule
    return _written(model)


def _module(name: str) -> str:
    """Return the end of the converter's name: ``…/torch.nn.modules.linear.Linear_query;1`` -> ``Linear_query``."""
    return name.rpartition("/")[2].rpartition(".")[2].partition(";")[0]


class _Writer(flatbuffers.Builder):
    """Writes equal vectors once, and the data of weights aligned.

    The quantizer writes scales and zero points, 12 bytes a row, again for each signature, and aligns nothing.
    """

    def __init__(self) -> None:
        super().__init__(1024)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        content = x.dtype.str, x.tobytes()
        if content not in self._written:
            self._written[content] = super().CreateNumpyVector(x)
        return self._written[content]

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        offset: int = super().StartVector(elemSize, numElems, _ALIGNED if elemSize == 1 else alignment)
        return offset


def _written(model: Any) -> bytes:
    writer = _Writer()
    writer.Finish(model.Pack(writer), file_identifier=b"TFL3")
    return bytes(writer.Output())


def _quantized(content: bytes, precision: str, kept: Mapping[str, str]) -> bytes:
    """Quantize every linear layer and embedding of the file but those that are `kept`."""
    quantizer = Quantizer(content)
    for operator, scope, name, weight in _weighted(content):
        stored = kept.get(name.removesuffix(".weight"), stored_precision(weight.size, precision))
        if stored != "float":
            quantizer.add_dynamic_config(f"^{re.escape(scope)}$", operator, _BITS[stored])
    return bytes(quantizer.quantize(enable_progress_bar=False, enable_progress_report=False).quantized_model)


def _weighted(content: bytes) -> Iterator[tuple[str, str, str, NDArray[np.float32]]]:
    """Yield each operator with a constant matrix: its kind, the quantizer's name for it, and the matrix's name."""
    model: Any = read_model(content)
    for graph in model.subgraphs:
        for node in graph.operators:
            kind = TFL_OP_CODE_TO_NAME.get(model.operatorCodes[node.opcodeIndex].builtinCode)
            tensor = graph.tensors[node.inputs[1]] if kind in _QUANTIZED else None
            if tensor is not None and (weight := get_tensor_data(tensor, model.buffers)) is not None:
                yield kind, get_op_scope(node, graph.tensors), tensor.name.decode().partition(";")[0], weight
