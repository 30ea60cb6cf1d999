"""The grids of exported weights, by hand and as ONNX Runtime's quantizer rounds."""

import numpy as np
import pytest
from onnx import TensorProto
from onnxruntime.quantization.quant_utils import quantize_data

from pocketbert.compress.models.rounding import (
    FEW,
    LEVELS,
    LINEAR_LEVELS,
    round_outputs,
    round_rows,
    row_precision,
    stored_precision,
)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_each_row_is_rounded_on_a_grid_of_its_own(precision: str) -> None:
    values = np.array([[1.0, -2.0, 0.5], [300.0, 1.0, -299.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    integers, scales = round_rows(values, precision)
    assert (integers.dtype, scales.dtype, scales.shape) == (np.int8, np.float16, (3, 1))
    assert np.abs(integers).max() == LEVELS[precision]
    back = integers * scales.astype(np.float32)
    for row, largest in enumerate((2.0, 300.0)):
        assert np.abs(back[row] - values[row]).max() <= largest / LEVELS[precision] / 2 * 1.01
    assert not back[2].any()


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_scale_that_fp16_rounds_down_exceeds_no_grid(precision: str) -> None:
    values = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    integers, _ = round_rows(values, precision)
    assert np.abs(integers.astype(int)).max() == LEVELS[precision]


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_each_output_is_rounded_on_a_grid_of_its_own(precision: str) -> None:
    weight = np.array([[0.1, -0.2, 0.05], [300.0, 1.0, -299.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    integers, scales = round_outputs(weight, precision)
    assert (integers.dtype, scales.dtype, scales.shape) == (np.int8, np.float32, (3, 1))
    assert np.abs(integers).max(axis=1).tolist() == [LINEAR_LEVELS[precision], LINEAR_LEVELS[precision], 0]
    assert scales[2] == 1
    assert np.all(np.abs(integers * scales - weight) <= scales / 2 * 1.0001)


def test_an_int8_linear_is_rounded_as_the_quantizer_of_onnx_runtime_rounds() -> None:
    weight = np.random.default_rng(0).normal(size=(40, 33)).astype(np.float32)
    weight[3] = 0
    integers, scales = round_outputs(weight, "int8")
    for output in range(len(weight)):
        zero, scale, quantized = quantize_data(weight[output], TensorProto.INT8, symmetric=True, reduce_range=True)
        assert zero == 0
        assert scale == scales[output, 0]
        assert np.array_equal(quantized, integers[output])


def test_small_matrices_stay_int8() -> None:
    assert [stored_precision(FEW, "int4"), stored_precision(FEW + 1, "int4")] == ["int8", "int4"]
    assert [row_precision((80, width), "int4") for width in (64, 75)] == ["int4", "int8"]
    assert [stored_precision(1, "int8"), stored_precision(10**6, "int8")] == ["int8", "int8"]
