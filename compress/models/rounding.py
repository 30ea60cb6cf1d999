"""The grids of exported weights: symmetric, one scale per row of an embedding matrix or per output of a linear layer.

The ONNX exporter rounds with these functions, and quantization-aware training repeats them on tensors, so both give the
same numbers to the bit. They divide by the scale (a product with its reciprocal may round otherwise) and round half
to even, as NumPy and PyTorch do.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEVELS = {"int8": 127, "int4": 7}
"""Precision -> the largest integer in an embedding matrix. Rows are looked up, never multiplied: no sum overflows."""
LINEAR_LEVELS = {"int8": 64, "int4": 7}
"""Precision -> the largest integer in a linear layer. Products of 8 bits overflow the 16-bit sums of x86 processors
without VNNI, so INT8 takes 7 bits, as ONNX Runtime's `reduce_range` does."""
FEW = 2048
"""Matrices of at most so many weights stay INT8 in an INT4 file: INT4 would save at most 1 KiB."""
SMALLEST_ROW_SCALE = 2.0**-14
"""The smallest normal FP16 number."""


def stored_precision(weights: int, precision: str) -> str:
    """Return the precision of a matrix of so many `weights` in a file of that `precision`."""
    return "int8" if precision == "int4" and weights <= FEW else precision


def row_precision(shape: "Sequence[int]", precision: str) -> str:
    """Return the precision of an embedding matrix, (rows, width), in a file of that `precision`.

    With an odd width it stays INT8, because a byte holds two INT4 values of a row.
    """
    rows, width = shape
    return "int8" if precision == "int4" and width % 2 else stored_precision(rows * width, precision)


def round_rows(
    values: "NDArray[np.float32]", precision: str = "int8"
) -> tuple["NDArray[np.int8]", "NDArray[np.float16]"]:
    """Round each row of an embedding matrix on its own grid; returns integers (rows, width) and scales (rows, 1).

    One scale for a whole matrix would let a single large row, even of a token that no text has, coarsen every row.
    """
    most = np.abs(values).max(axis=1, keepdims=True)
    levels = LEVELS[precision]
    scales = np.maximum(most / np.float32(levels), np.float32(SMALLEST_ROW_SCALE)).astype(np.float16)
    integers = np.clip(np.rint(values / scales.astype(np.float32)), -levels, levels)
    return integers.astype(np.int8), scales


def round_outputs(weight: "NDArray[np.float32]", precision: str) -> tuple["NDArray[np.int8]", "NDArray[np.float32]"]:
    """Round each output of a linear layer on its own grid; returns integers (out, in) and scales (out, 1).

    For INT8 these are the integers and scales of ONNX Runtime's `quantize_dynamic` with `reduce_range`. An output
    whose weights are all 0 has the scale 1.
    """
    scales = np.abs(weight).max(axis=1, keepdims=True) / np.float32(LINEAR_LEVELS[precision])
    scales = np.where(scales < np.finfo(np.float32).tiny, np.float32(1), scales)
    return np.rint(weight / scales).astype(np.int8), scales
