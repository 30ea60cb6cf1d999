"""How the activations of a statically quantized ONNX file are calibrated, and on how many rows.

`python -m studies.quantization.calibration [FOLDER]` quantizes the model of a stage of a build of
`recipes/offline.toml` (by default artifacts/offline/stages/03-prune-vocab) in each way and answers 600 validation rows,
one at a time. It prints the agreement with the student's own labels, the root of the mean squared logit difference, and
the metric. The ranges of activations come from minimum and maximum, from percentiles, or from the least squared error
of the 256 levels, for a histogram of each tensor.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator

from pocketbert.compress.base.errors import percent
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.base.quiet import quiet
from pocketbert.compress.data.texts import tokenize
from pocketbert.compress.exports import INPUTS, onnx_qdq
from pocketbert.compress.pipeline.shipping import calibration
from pocketbert.compress.runtimes import usable_threads
from pocketbert.compress.runtimes.scoring import open_scorer
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import predict
from studies.shared.built import Built
from studies.shared.page import markdown_table

Quantize = Callable[..., None]
_ROWS = 600
"""Validation rows that each file answers."""
_BINS, _AT_ONCE = 8192, 4
_SHRUNK = np.linspace(0.1, 1.0, 46)
"""Shares of the range's ends that are tried."""


def main() -> None:
    """Print the table."""
    quiet()
    built = Built.named(sys.argv[1:])
    texts, model = built.texts, built.model
    tokens = tokenize(texts, built.tokenizer)
    rows_seen = tokens.validation.first(_ROWS)
    validation, gold = rows_seen.inputs, rows_seen.gold
    own = predict(TorchSession(model).logits, validation)
    rows = []
    for way, count, quantize in _ways():
        with (
            Progress() as progress,
            tempfile.TemporaryDirectory() as name,
            patch.object(onnx_qdq, "quantize_static", quantize),
        ):
            progress.say(f"calibrating on {count} rows: {way}")
            path = Path(name, "m.onnx")
            with patch.object(calibration, "ROWS", count):
                drawn = calibration.choose(tokens.train)
            onnx_qdq.export(model, path, "int8", INPUTS, {}, (texts.task.max_length,), drawn)
            with progress.work(f"scoring: {way}", len(validation)) as bar:
                logits = open_scorer("onnxruntime", path, usable_threads())(validation, bar.advance)
        agreement = np.mean(logits.argmax(axis=1) == own.argmax(axis=1))
        score = texts.task.scores(logits, gold)[texts.task.metric]
        rows.append(
            [way, str(count), percent(agreement, 2), f"{np.sqrt(np.mean((logits - own) ** 2)):.3f}", percent(score, 2)]
        )
    float_score = percent(texts.task.scores(own, gold)[texts.task.metric], 2)
    rows.insert(0, ["FP32", "", "", "", float_score])
    headers = [
        "ranges of activations",
        "texts",
        "same label as the float student",
        "logit difference, RMS",
        texts.task.metric,
    ]
    print(markdown_table(headers, rows))


def _ways() -> Iterator[tuple[str, int, Quantize]]:
    for count in (16, 128, 512):
        yield "minimum, maximum", count, quantize_static
    for percentile in (99.9, 99.99, 99.999):
        yield f"percentile {percentile}", 128, _percentile(percentile)
    yield "least squared error", 128, _least_error
    yield "minimum, maximum; 8-bit weights", 128, _changed(reduce_range=False)


def _changed(**changes: Any) -> Quantize:
    def quantize(*given: Any, **options: Any) -> None:
        quantize_static(*given, **options | changes)

    return quantize


def _percentile(percentile: float) -> Quantize:
    def quantize(prepared: Path, path: Path, reader: Any, **options: Any) -> None:
        ranges = {
            name: _between(*_quantiles(counts, edges, percentile))
            for name, (counts, edges) in _histograms(prepared, reader, options)
        }
        _with_ranges(prepared, path, ranges, options)

    return quantize


def _least_error(prepared: Path, path: Path, reader: Any, **options: Any) -> None:
    ranges = {
        name: _between(*least_error_range(counts, (edges[:-1] + edges[1:]) / 2))
        for name, (counts, edges) in _histograms(prepared, reader, options)
    }
    _with_ranges(prepared, path, ranges, options)


def _quantiles(counts: NDArray[Any], edges: NDArray[Any], percentile: float) -> tuple[float, float]:
    """Return the values between which `percentile` per cent of a histogram lie."""
    share = np.cumsum(counts) / counts.sum()
    outside = (1 - percentile / 100) / 2
    return float(edges[np.searchsorted(share, outside)]), float(edges[np.searchsorted(share, 1 - outside) + 1])


def least_error_range(counts: NDArray[Any], values: NDArray[Any]) -> tuple[float, float]:
    """Return the range whose 256 levels give `values`, of which there are `counts`, the least squared error.

    Either end is moved towards 0 in turn, until nothing improves.
    """
    there = values[counts > 0]
    low, high = min(float(there[0]), 0.0), max(float(there[-1]), 0.0)
    counts, values = counts[counts > 0].astype(np.float64), there.astype(np.float64)
    best = (low, high)
    while True:
        tried = [(best[0], high * share) for share in _SHRUNK] + [(low * share, best[1]) for share in _SHRUNK]
        found = min([best, *tried], key=lambda each: _error(counts, values, *each))
        if found == best:
            return best
        best = found


def _error(counts: NDArray[Any], values: NDArray[Any], low: float, high: float) -> float:
    scale = max(high - low, 1e-9) / 255
    zero = np.rint(-low / scale)
    rounded = (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale
    return float((counts * (rounded - values) ** 2).sum())


def _between(low: float, high: float) -> list[dict[str, NDArray[np.float32]]]:
    return [{"rmin": np.array(min(low, 0), np.float32), "rmax": np.array(max(high, 0), np.float32)}]


def _histograms(
    prepared: Path, reader: Any, options: dict[str, Any]
) -> Iterator[tuple[str, tuple[NDArray[Any], NDArray[Any]]]]:
    """Yield tensor -> counts and edges of its values; the tensors of a few rows at a time are in memory."""
    with tempfile.TemporaryDirectory() as folder:
        calibrator = create_calibrator(
            prepared,
            options["op_types_to_quantize"],
            str(Path(folder, "augmented.onnx")),
            CalibrationMethod.Percentile,
            extra_options={"num_bins": _BINS},
        )
        rows = list(iter(reader.get_next, None))
        for start in range(0, len(rows), _AT_ONCE):
            calibrator.collect_data(_Some(rows[start : start + _AT_ONCE]))
    for name, (counts, edges, *_) in calibrator.collector.histogram_dict.items():
        yield name, (counts, edges)


class _Some:
    """A reader of some rows."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = iter(rows)

    def get_next(self) -> Any:
        """Return the next row, or None."""
        return next(self._rows, None)


def _with_ranges(prepared: Path, path: Path, ranges: dict[str, Any], options: dict[str, Any]) -> None:
    one = {name: np.zeros(shape, np.int32) for name, shape in _shapes(prepared)}
    more = {"TensorQuantOverrides": ranges}
    quantize_static(prepared, path, _Some([one]), **options | {"extra_options": more})


def _shapes(prepared: Path) -> Iterator[tuple[str, list[int]]]:
    import onnx

    for each in onnx.load(prepared).graph.input:
        yield each.name, [axis.dim_value for axis in each.type.tensor_type.shape.dim]


if __name__ == "__main__":
    main()
