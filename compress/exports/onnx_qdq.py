"""ONNX files for NPUs: weights and activations in INT8, quantized statically, for texts of one length.

An NPU computes in integers whose scales it knows beforehand. The scales of activations come from training rows
(calibration) and stand in the graph as pairs of QuantizeLinear and DequantizeLinear (QDQ), which the runtimes of NPUs
turn into integer operators. Softmax, LayerNormalization and the mask stay in float: the mask's -10,000 would take the
whole range of an INT8 scale.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from pocketbert.compress.base.folders.leftovers import folder_beside
from pocketbert.compress.exports.graph.embeddings import quantize_embeddings
from pocketbert.compress.exports.graph.usability import left_on_cpu
from pocketbert.compress.exports.onnx import min_runtime, nodes_reading, weights_of, write_float

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from pocketbert.compress.tasks.inputs import Batch, Inputs

__all__ = ["export", "min_runtime"]
_ABOUT = "made for NPUs: on a CPU it takes about 1.2 times as long as the file of format onnx"
_QUANTIZED = ["Gemm", "MatMul"]


def export(
    model: "PreTrainedModel",
    path: Path,
    precision: str,
    inputs: Sequence[str],
    kept: Mapping[str, str],
    lengths: Sequence[int],
    rows: "Inputs",
) -> str:
    """Write `model` to the file `path`, for one text of ``lengths[0]`` tokens; each input is (1, tokens) int32.

    Args:
        rows: for calibration; longer ones are truncated.
    """
    [length] = lengths
    with folder_beside(path) as folder:
        source, prepared = Path(folder, "float.onnx"), Path(folder, "prepared.onnx")
        note = write_float(model, source, inputs, length)
        weights = weights_of(model, kept, onnx.load(source).graph)
        floats = nodes_reading(source, [name for name, to in weights.items() if to == "float"])
        quantize_embeddings(source, source, precision, weights)
        with _quiet():
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                path,
                _Reader(rows, inputs, length),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_QUANTIZED,
                per_channel=True,
                reduce_range=True,  # as in `pocketbert.compress.exports.onnx`: the file is verified on the CPU
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[*floats, *_fused(prepared, floats)],
                calibrate_method=CalibrationMethod.MinMax,
            )
    cut = sum(len(sequence) > length for sequence in rows.sequences)
    truncated = f"{cut:,} of {len(rows):,} calibration texts were truncated to {length} tokens" if cut else ""
    return "; ".join(filter(None, [note, _ABOUT, left_on_cpu(path, model.config.vocab_size), truncated]))


def _fused(prepared: Path, floats: Sequence[str]) -> list[str]:
    """Return the nodes that ONNX Runtime has made of a product over three axes and its bias, under another name."""
    names = (node.name for node in onnx.load(prepared).graph.node)
    return [name for name in names if name.removesuffix("/MatMulAddFusion") in floats]


class _Reader(CalibrationDataReader):
    """The rows for calibration, one at a time, truncated and padded to `length` tokens."""

    def __init__(self, rows: "Inputs", inputs: Sequence[str], length: int) -> None:
        self._batches = (_fixed(rows.padded([n]), inputs, length) for n in range(len(rows)))

    def get_next(self) -> "dict[str, NDArray[np.int32]] | None":
        """Return the next row; None: there is none left."""
        return next(self._batches, None)


def _fixed(batch: "Batch", inputs: Sequence[str], length: int) -> "dict[str, NDArray[np.int32]]":
    """Return a batch of one row with exactly `length` tokens."""
    row = {name: batch[name][:, :length].astype(np.int32) for name in inputs}
    return {name: np.pad(values, ((0, 0), (0, length - values.shape[1]))) for name, values in row.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's quantizer from writing progress and hints to the terminal."""
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
