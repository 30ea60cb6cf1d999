"""Core ML programs, emulated in NumPy, because Core ML itself exists on Apple's systems alone.

Each operation is computed by coremltools' own definition. The emulation says nothing about the speed on a phone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import coremltools
import numpy as np
from coremltools.converters.mil import Builder
from coremltools.converters.mil.frontend.milproto.load import load
from coremltools.converters.mil.mil import Function, Placeholder, types
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pocketbert.compress.tasks.inputs import Batch


WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
"""File of a package that holds its weights."""
_MODEL = Path("Data/com.apple.CoreML/model.mlmodel")
"""File of a package that holds its program; given the package, coremltools would write its list of files anew."""


class Constant(NamedTuple):
    """A stored tensor: its values in FP32, and the type that the file stores: float16, float32, int8 or int4."""

    values: NDArray[np.float32]
    type: str


class ProgramSession:
    """A `.mlpackage`, which runs row by row, because its batch is 1.

    Every operation is computed in FP32 and its result rounded to the program's type: hardware accumulates in a wider
    type than FP16, but results outside FP16's range overflow on the hardware and here.
    """

    def __init__(self, path: Path) -> None:
        spec = coremltools.utils.load_spec(str(path / _MODEL))
        program = load(spec, spec.specificationVersion, file_weights_dir=str((path / WEIGHTS).parent))
        self._main = program.functions["main"]
        self.constants = {name: constant for op in self._main.operations for name, constant in _stored(op)}

    def logits(self, batch: "Batch") -> NDArray[np.float32]:
        rows = range(len(batch["input_ids"]))
        return np.concatenate([self._row({name: batch[name][[row]] for name in self._main.inputs}) for row in rows])

    def _row(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        values: dict[str, Any] = {name: constant.values for name, constant in self.constants.items()}
        values |= {name: ids.astype(np.int32) for name, ids in inputs.items()}
        unused = {"unused": Placeholder(sym_shape=(1,), name="unused")}  # a function needs an input
        with Function(unused, opset_version=self._main.opset_version), np.errstate(all="ignore"):
            for op in self._main.operations:
                if op.op_type != "const" and op.outputs[0].name not in values:
                    values |= _computed(op, values)
        logits: NDArray[np.float32] = values[self._main.outputs[0].name]
        return logits


def open_session(path: Path, threads: int) -> ProgramSession:
    """Read the program at `path`; `threads` has no effect, since NumPy chooses its own."""
    return ProgramSession(path)


def _stored(op: Any) -> Iterator[tuple[str, Constant]]:
    """The floating-point tensor that a constant operation stores, with its name."""
    packed = op.op_type.startswith("constexpr_")
    value = op.materialized_val_inference() if packed else op.outputs[0].val if op.op_type == "const" else None
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
        integers = packed and op.inputs["data" if "data" in op.inputs else "quantized_data"]
        stored = types.builtin_to_string(integers.dtype) if packed else str(value.dtype)
        yield op.outputs[0].name, Constant(value.astype(np.float32), stored)


def _computed(op: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The results of an operation, by name."""
    inputs = {name: _value(var, values) for name, var in op.inputs.items() if var is not None}
    if op.op_type == "cast" and inputs["dtype"] == "fp16":
        inputs["dtype"] = "fp32"  # rounded below
    found = getattr(Builder, op.op_type)(**inputs)
    results = zip(op.outputs, found if isinstance(found, list | tuple) else [found], strict=True)
    return {var.name: _rounded(result.val, var.dtype == types.fp16) for var, result in results}


def _value(var: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(var, list | tuple):
        return [_value(one, values) for one in var]
    value = values.get(var.name, var.val)
    return np.float32(value) if isinstance(value, np.float16) else value


def _rounded(value: Any, half: bool) -> Any:
    if value is None:
        raise ValueError("coremltools does not define this operation in NumPy")
    return np.asarray(value).astype(np.float16).astype(np.float32) if half else value
