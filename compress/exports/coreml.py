"""Core ML packages for Apple's systems, in FP16 or with INT8 weights (embeddings included), computed in FP16.

They can be made on any system but run only on Apple's. Elsewhere three things are compared with the source: the stored
specification, every stored matrix, and the outputs of the program (`pocketbert.compress.runtimes.coreml`).
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coremltools
import numpy as np
import torch
from coremltools.optimize.coreml import (
    OpLinearQuantizerConfig,
    OptimizationConfig,
    get_weights_metadata,
    linear_quantize_weights,
)
from numpy.typing import NDArray
from torch import Tensor, nn

from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.models.families import positions
from pocketbert.compress.runtimes.coreml import ProgramSession

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SHORTEST = 2
"""Tokens of an empty text."""
_TRACED = 16
_QUANTIZED = 2048
"""Matrices of at most so many weights stay in FP16, because INT8 would save little."""


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, keep_float: Sequence[str] = ()
) -> str:
    """Write `model` to the package `path`, a folder, atomically.

    The package maps int32 `inputs` of one text, of any length that the model has positions for, to FP32 ``logits``.

    Raises:
        ValueError: the stored specification or weights differ from the source.
    """
    forward, note = traceable(model, torch.float16)
    longest = positions(model.config)
    kept = [model.get_submodule(name).get_parameter("weight") for name in keep_float]
    with atomic_write(path) as temporary:
        # Silences progress bars, and a warning that coremltools was tested only with older PyTorch versions.
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = _converted(forward, inputs, longest)
            if precision == "int8":
                program = _quantized(program, kept)
            program.save(str(temporary))
        try:
            _check_interface(temporary, inputs, longest)
            _check_weights(temporary, _matrices(forward, inputs), precision, kept)
        except ValueError as error:
            raise ValueError(f"{path.name} {error}") from error
    said = f"not run here: converted, its specification and weights checked; iOS 16 or later, up to {longest} tokens"
    return f"{said}; {note}" if note else said


def _converted(forward: nn.Module, inputs: Sequence[str], longest: int) -> Any:
    ids = torch.zeros((1, min(_TRACED, longest)), dtype=torch.long)
    # PyTorch treats sizes of 1 as constants, and MobileBERT has a size of length - 1.
    length = torch.export.Dim("length", min=_SHORTEST + 1, max=longest)
    exported = torch.export.export(
        forward,
        tuple(ids + (name != "token_type_ids") for name in inputs),
        dynamic_shapes=tuple({1: length} for _ in inputs),
    )
    shape = (1, coremltools.RangeDim(_SHORTEST, longest, default=ids.shape[1]))
    return coremltools.convert(
        exported.run_decompositions({}),
        convert_to="mlprogram",
        inputs=[coremltools.TensorType(name, shape, dtype=np.int32) for name in inputs],
        outputs=[coremltools.TensorType("logits", dtype=np.float32)],
        compute_precision=coremltools.precision.FLOAT16,
        minimum_deployment_target=coremltools.target.iOS16,
        skip_model_load=True,
    )


def _quantized(program: Any, kept: Sequence[Tensor]) -> Any:
    """Quantize with one scale per row of a matrix: per token, or per output of a linear layer."""
    rule = OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=_QUANTIZED)
    stored = get_weights_metadata(program, weight_threshold=_QUANTIZED)
    # The converter renames weights that it merges, so a stored matrix is found by its values.
    floats = [name for name, held in stored.items() if any(_matches(held.val, weight, int8=False) for weight in kept)]
    return linear_quantize_weights(program, OptimizationConfig(rule, op_name_configs=dict.fromkeys(floats)))


def _check_interface(path: Path, inputs: Sequence[str], longest: int) -> None:
    described = coremltools.utils.load_spec(str(path)).description
    types = coremltools.proto.FeatureTypes_pb2.ArrayFeatureType
    found = {}
    for feature in described.input:
        array = feature.type.multiArrayType
        sizes = [(size.lowerBound, size.upperBound) for size in array.shapeRange.sizeRanges]
        found[feature.name] = (types.ArrayDataType.Name(array.dataType), *sizes)
    if found != (wanted := dict.fromkeys(inputs, ("INT32", (1, 1), (_SHORTEST, longest)))):
        raise ValueError(f"declares the inputs {found}, not {wanted}")
    answers = [(out.name, types.ArrayDataType.Name(out.type.multiArrayType.dataType)) for out in described.output]
    if answers != [("logits", "FLOAT32")]:
        raise ValueError(f"declares the outputs {answers}, not FP32 logits")


def _matrices(forward: nn.Module, inputs: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Yield every matrix that is stored whole. Of the embeddings for an input it lacks, the program needs one row."""
    for name, weight in forward.named_parameters():
        kind = name.rpartition("_type_embeddings.")[0].rpartition(".")[2]
        if weight.ndim == 2 and (not kind or f"{kind}_type_ids" in inputs):
            yield name, weight


def _check_weights(path: Path, matrices: Iterable[tuple[str, Tensor]], precision: str, kept: Sequence[Tensor]) -> None:
    """Raise `ValueError` unless every matrix is stored in its type, with no error beyond rounding."""
    stored = ProgramSession(path).constants.values()
    floats = {id(weight) for weight in kept}
    for name, weight in matrices:
        int8 = precision == "int8" and weight.numel() > _QUANTIZED and id(weight) not in floats
        if not any(held.int8 == int8 and _matches(held.values, weight, int8) for held in stored):
            raise ValueError(f"does not hold {name}, {tuple(weight.shape)}, in {'INT8' if int8 else 'FP16'}")


def _matches(stored: NDArray[Any], weight: Tensor, int8: bool) -> bool:
    """Return whether a stored matrix equals `weight` up to the rounding of its type."""
    source = weight.detach().numpy()
    if stored.shape != source.shape:
        return False
    allowed = np.abs(source) * 2.0**-11 + 2.0**-24
    if int8:
        allowed += np.abs(source).max(axis=1, keepdims=True) * (0.5 / 127 + 2.0**-10)
    return bool((np.abs(stored - source) <= allowed).all())
