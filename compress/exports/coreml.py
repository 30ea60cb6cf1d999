"""Core ML packages for Apple's systems, with FP16, INT8 or INT4 weights (embeddings included), computed in FP16.

They can be made on any system but run only on Apple's. Elsewhere three things are compared with the source: the stored
specification, every stored matrix, and the outputs of the program (`pocketbert.compress.runtimes.coreml`).
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
from pocketbert.compress.runtimes.coreml import WEIGHTS, ProgramSession

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SHORTEST = 2
"""Tokens of an empty text."""
_TRACED = 16
_QUANTIZED = 2048
"""Matrices of at most so many weights stay in FP16, because integers would save little."""
_LEVELS = {"int8": 127, "int4": 7}
"""Type -> the largest integer on coremltools' symmetric grid."""
_BITS = {"float16": 16, "int8": 8, "int4": 4}
_ALIGNED = 128
"""Bytes, at most, around a stored tensor: its header, and the gap to the next one."""
_OTHER_BYTES = 20_000
"""Bytes, at most, of the constants that are no weights."""


class _Matrix(NamedTuple):
    """A matrix of the model, (rows, columns), and the type in which the package has to store it."""

    name: str
    weight: Tensor
    type: str


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, kept: Mapping[str, str] = {}
) -> str:
    """Write `model` to the package `path`, a folder, atomically.

    The package maps int32 `inputs` of one text, of any length that the model has positions for, to FP32 ``logits``.

    Raises:
        ValueError: the stored specification or weights differ from the source.
    """
    forward, note = traceable(model, torch.float16)
    longest = positions(model.config)
    own = {id(model.get_submodule(name).get_parameter("weight")): to for name, to in kept.items()}
    matrices = list(_matrices(forward, inputs, precision, own))
    system = 18 if precision == "int4" else 16  # older systems have no INT4
    with atomic_write(path) as temporary:
        # Silences progress bars, and a warning that coremltools was tested only with older PyTorch versions.
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = _converted(forward, inputs, longest, coremltools.target[f"iOS{system}"])
            if precision in _LEVELS:
                program = _quantized(program, precision, matrices)
            program.save(str(temporary))
        try:
            _check_interface(temporary, inputs, longest)
            _check_weights(temporary, matrices)
            _check_size(temporary, forward, matrices)
        except ValueError as error:
            raise ValueError(f"{path.name} {error}") from error
    checked = "converted, its specification and weights checked"
    said = f"not run here: {checked}; iOS {system} or later, up to {longest} tokens"
    return f"{said}; {note}" if note else said


def _converted(forward: nn.Module, inputs: Sequence[str], longest: int, system: Any) -> Any:
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
        minimum_deployment_target=system,
        skip_model_load=True,
    )


def _quantized(program: Any, precision: str, matrices: Iterable[_Matrix]) -> Any:
    """Quantize with one scale per row of a matrix: per token, or per output of a linear layer."""
    rules = {
        type_: OpLinearQuantizerConfig(mode="linear_symmetric", dtype=type_, weight_threshold=_QUANTIZED)
        for type_ in _LEVELS
    }
    stored = get_weights_metadata(program, weight_threshold=_QUANTIZED)
    others = [matrix for matrix in matrices if matrix.weight.numel() > _QUANTIZED and matrix.type != precision]
    # The converter renames weights that it merges, so a stored matrix is found by its values.
    own = {
        name: rules.get(matrix.type)
        for name, held in stored.items()
        for matrix in others
        if _matches(held.val, matrix._replace(type="float16"))
    }
    return linear_quantize_weights(program, OptimizationConfig(rules[precision], op_name_configs=own))


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


def _matrices(forward: nn.Module, inputs: Sequence[str], precision: str, own: Mapping[int, str]) -> Iterator[_Matrix]:
    """Yield every matrix that is stored whole. Of the embeddings for an input it lacks, the program needs one row.

    Args:
        own: identity of a weight -> the precision that it keeps in a file of a lower `precision`.
    """
    for name, weight in forward.named_parameters():
        kind = name.rpartition("_type_embeddings.")[0].rpartition(".")[2]
        if weight.ndim == 2 and (not kind or f"{kind}_type_ids" in inputs):
            type_ = own.get(id(weight), precision)
            yield _Matrix(name, weight, type_ if type_ in _LEVELS and weight.numel() > _QUANTIZED else "float16")


def _check_weights(path: Path, matrices: Sequence[_Matrix]) -> None:
    """Raise `ValueError` unless every matrix is stored in its type, with no error beyond rounding.

    The converter may leave a weight as it is and say so in its log alone.
    """
    stored = ProgramSession(path).constants.values()
    skipped = [
        each for each in matrices if not any(held.type == each.type and _matches(held.values, each) for held in stored)
    ]
    if skipped:
        first = skipped[0]
        said = (
            f"does not hold {first.name}, {tuple(first.weight.shape)}, in {first.type.upper().replace('FLOAT', 'FP')}"
        )
        raise ValueError(f"{said}; {len(skipped)} of {len(matrices)} weights were skipped")


def _check_size(path: Path, forward: nn.Module, matrices: Sequence[_Matrix]) -> None:
    """Raise `ValueError` if the weights take more bytes than their types need: a weight is stored twice, or skipped."""
    types = {id(each.weight): each.type for each in matrices}
    expected = _OTHER_BYTES
    for weight in forward.parameters():
        bits = _BITS[types.get(id(weight), "float16")]
        scales = 2 * weight.shape[0] if bits < 16 else 0
        expected += weight.numel() * bits // 8 + scales + 2 * _ALIGNED
    if (found := (path / WEIGHTS).stat().st_size) > expected:
        raise ValueError(f"holds {found:,} bytes of weights, expected at most {expected:,}: weights were skipped")


def _matches(stored: NDArray[Any], matrix: _Matrix) -> bool:
    """Return whether stored values equal those of a matrix up to the rounding of its type."""
    source = matrix.weight.detach().numpy()
    if stored.shape != source.shape:
        return False
    allowed = np.abs(source) * 2.0**-11 + 2.0**-24
    if levels := _LEVELS.get(matrix.type):
        allowed += np.abs(source).max(axis=1, keepdims=True) * (0.5 / levels + 2.0**-10)
    return bool((np.abs(stored - source) <= allowed).all())


def min_runtime(path: Path) -> str:
    """Return the oldest systems that open the package, by the version of its specification."""
    version = coremltools.utils.load_spec(str(path)).specificationVersion
    return {7: "iOS 16, macOS 13", 8: "iOS 17, macOS 14", 9: "iOS 18, macOS 15"}[version]
