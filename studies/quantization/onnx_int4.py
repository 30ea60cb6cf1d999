"""Grids of 4 bits for ONNX files: what each costs in accuracy.

`python -m studies.quantization.onnx_int4 [FOLDER [ROWS]]` exports the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) with each grid and scores each file on the
test rows (by default all of them), one text at a time. The kernels of all files but FP32 are the same. Blocks, for
which no such kernel exists, are computed in FP32 from rounded weights.
"""

import copy
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.exports.graph import embeddings, linears
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.rounding import round_outputs, round_rows, stored_precision
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, batches
from studies.shared.built import SCORED, Built, StudentFile
from studies.shared.page import markdown_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Floats = NDArray[np.float32]
Round = Callable[[Floats, float], tuple[NDArray[np.int8], Floats]]
"""Rounds each row of a matrix on a grid of so many levels: values, levels -> integers and scales (rows, 1)."""
_ROWS = 256
"""Training rows for the means of inputs."""


class _Way(NamedTuple):
    """A file.

    Attributes:
        kept: the layers that keep INT8.
        grid: None: the exporter's.
        biases, embeddings: which means are corrected.
        block: weights of an output or a row that share a scale; 0: all of them. Only if `precision` is "fp32".
    """

    precision: str = "int4"
    kept: type[nn.Module] | None = None
    grid: Round | None = None
    biases: bool = False
    embeddings: bool = False
    block: int = 0


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    calibration = built.inputs("train").first(_ROWS)
    with tempfile.TemporaryDirectory() as name, Progress() as progress:
        files = {}
        for number, (words, way) in enumerate(_WAYS.items()):
            progress.say(f"exporting: {words}")
            files[words] = StudentFile("onnxruntime", Path(name) / f"{number}.onnx")
            _write(built.model, way, files[words].path, calibration)
        logits = built.logits({words: file.open() for words, file in files.items()}, progress)
        exact = logits["FP32"]
        table = [
            [words, file.megabytes, *built.scored(logits[words], exact), f"{_distance(logits[words], exact):.3f}"]
            for words, file in files.items()
        ]
    print(markdown_table(["grid", "MB", *SCORED, "RMS logit difference"], table))


def _distance(logits: Floats, exact: Floats) -> float:
    return float(np.sqrt(np.square(logits - exact).mean()))


def _write(model: "PreTrainedModel", way: _Way, path: Path, calibration: Inputs) -> None:
    """Export `model` in a way that the exporter may not have."""
    corrected = copy.deepcopy(model)
    layers = {
        name: module for name, module in corrected.named_modules() if isinstance(module, nn.Linear | nn.Embedding)
    }
    if way.block:
        with torch.no_grad():
            for layer in layers.values():
                if stored_precision(layer.weight.numel(), "int4") == "int4":
                    layer.weight.copy_(torch.from_numpy(_in_blocks(layer.weight.detach().numpy(), way.block)))
    if way.biases or way.embeddings:
        means = _mean_errors(corrected, layers, way.grid, calibration)
        with torch.no_grad():
            for name, layer in layers.items():
                if way.biases and isinstance(layer, nn.Linear):
                    layer.bias.sub_(means[name])
                if way.embeddings and name.endswith(("word_embeddings", "position_embeddings")):
                    corrected.base_model.embeddings.token_type_embeddings.weight.sub_(means[name])
    kept = {name: "int8" for name, layer in layers.items() if way.kept and isinstance(layer, way.kept)}
    with (
        patch.object(embeddings, "round_rows", partial(_round, round_rows, way.grid)),
        patch.object(linears, "round_outputs", partial(_round, round_outputs, way.grid)),
    ):
        export(corrected, path, way.precision, kept=kept)


def _round(usual: Any, grid: Round | None, values: Floats, precision: str) -> tuple[NDArray[np.int8], Any]:
    """Round rows of INT4 on `grid`, if there is one, and others as the exporter does."""
    integers, scales = usual(values, precision)
    if grid and precision == "int4":
        integers, finer = grid(values, 7)
        scales = finer.astype(scales.dtype)
    return integers, scales


def _mean_errors(
    model: "PreTrainedModel", layers: Mapping[str, nn.Linear | nn.Embedding], grid: Round | None, inputs: Inputs
) -> dict[str, Tensor]:
    """Return the mean error of each layer's output over the tokens of `inputs`, (out,), if it alone is rounded.

    This is the bias correction of Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
    Correction", with means that are measured.
    """
    sums = dict[str, Tensor]()

    def add(name: str, error: Tensor, _: nn.Module, given: tuple[Tensor], __: Tensor) -> None:
        tokens = given[0].flatten() if given[0].dtype == torch.long else given[0].flatten(0, -2)
        out = error[tokens] if tokens.dtype == torch.long else tokens @ error.T
        sums[name] = sums.get(name, torch.zeros(out.shape[1])) + out.mean(0)

    handles = []
    for name, layer in layers.items():
        values, usual = layer.weight.detach().numpy(), round_outputs if isinstance(layer, nn.Linear) else round_rows
        integers, scales = _round(usual, grid, values, stored_precision(values.size, "int4"))
        error = torch.from_numpy(integers * scales.astype(np.float32) - values)
        handles.append(layer.register_forward_hook(partial(add, name, error)))
    with torch.no_grad():
        for _, batch in batches(inputs, 1):  # no padding
            model(**as_tensors(batch))
    for handle in handles:
        handle.remove()
    return {name: total / len(inputs) for name, total in sums.items()}


def _minimum_to_maximum(values: Floats, levels: float) -> tuple[NDArray[np.int8], Floats]:
    """Round on a grid from -8 to 7 that the smallest and the largest value of a row just fit."""
    largest, smallest = values.max(1, keepdims=True), values.min(1, keepdims=True)
    return _on_grid(values, np.maximum(largest / levels, -smallest / (levels + 1)), -levels - 1, levels)


def _clipped(values: Floats, levels: float) -> tuple[NDArray[np.int8], Floats]:
    """Round on a symmetric grid with the scale of least squared error: the largest values are clipped."""
    whole = np.abs(values).max(1, keepdims=True) / levels
    best, least = _on_grid(values, whole, -levels, levels), np.full((len(values), 1), np.inf)
    for share in np.arange(0.5, 1.01, 0.02):
        integers, scales = _on_grid(values, whole * np.float32(share), -levels, levels)
        error = np.square(integers * scales - values).sum(1, keepdims=True)
        better = error < least
        best = (np.where(better, integers, best[0]), np.where(better, scales, best[1]))
        least = np.minimum(error, least)
    return best


def _in_blocks(values: Floats, block: int) -> Floats:
    """Round so many values of a row at a time on a grid from -7 to 7; returns the rounded values."""
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % block)))
    each = padded.reshape(-1, block)
    integers, scales = _on_grid(each, np.abs(each).max(1, keepdims=True) / np.float32(7), -7, 7)
    return (integers * scales).reshape(padded.shape)[:, : values.shape[1]]


def _on_grid(values: Floats, scales: Floats, low: float, high: float) -> tuple[NDArray[np.int8], Floats]:
    scales = np.maximum(scales, np.float32(2.0**-14)).astype(np.float16).astype(np.float32)
    return np.clip(np.rint(values / scales), low, high).astype(np.int8), scales


_WAYS = {
    "FP32": _Way("fp32"),
    "INT8": _Way("int8"),
    "INT4": _Way(),
    "INT4, embeddings INT8": _Way(kept=nn.Embedding),
    "INT4, linear layers INT8": _Way(kept=nn.Linear),
    "INT4, biases corrected": _Way(biases=True),
    "INT4, biases and mean of the embeddings corrected": _Way(biases=True, embeddings=True),
    "blocks of 32, weights alone rounded": _Way("fp32", block=32),
    "-8 to 7": _Way(grid=_minimum_to_maximum),
    "-8 to 7, biases corrected": _Way(grid=_minimum_to_maximum, biases=True),
    "clipped by squared error": _Way(grid=_clipped),
    "clipped, embeddings INT8": _Way(kept=nn.Embedding, grid=_clipped),
    "clipped, linear layers INT8": _Way(kept=nn.Linear, grid=_clipped),
    "clipped, biases corrected": _Way(grid=_clipped, biases=True),
}


if __name__ == "__main__":
    main()
