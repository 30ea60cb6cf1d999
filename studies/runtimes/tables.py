"""The tables of docs/runtimes.md: measurements -> Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketbert.bench.measuring.metrics.latency import Samples
from pocketbert.bench.stats.intervals import Interval, median_over_sets, ratio_over_sets
from pocketbert.compress.base.errors import percent
from pocketbert.compress.manifest import Manifest
from studies.runtimes.roofline import Peaks
from studies.shared.page import markdown_table

TEACHER = "teacher"
RELU = "-relu"
"""The end of the names of students with ReLU instead of GELU."""


@dataclass(frozen=True)
class Measured:
    """One artifact with its latencies, ms, set by set; no samples if its runtime is not installed."""

    name: str
    format: str
    precision: str
    path: Path
    bytes: int
    macs: int
    seconds: float  # of its export
    samples: Sequence[Samples] = ()
    missing: str = ""  # the reason, if it was not timed


Every = Mapping[str, Measured]
"""Name (``teacher``, ``onnx-int8``, …) -> artifact."""


def chain(every: Every) -> str:
    """Return the steps from the PyTorch teacher to the smallest student that was timed, and their product.

    Each row changes one thing.
    """
    steps = [
        ("the teacher: 12 layers, 768 hidden, 21,128 tokens, PyTorch FP32", TEACHER),
        ("architecture: 4 layers, 312 hidden, 13,000 tokens, still PyTorch FP32", "torch-fp32"),
        ("runtime: ONNX Runtime FP32", "onnx-fp32"),
        ("precision: ONNX Runtime INT8", "onnx-int8"),
        ("runtime again: LiteRT INT8", "litert-int8"),
        ("weights in 4 bits: LiteRT INT4", "litert-int4"),
        ("activation: ReLU instead of GELU, LiteRT INT4", f"litert-int4{RELU}"),
    ]
    timed = [(words, name) for words, name in steps if name in every and every[name].samples]
    rows: list[list[str]] = []
    before = None
    for words, name in timed:
        now = every[name]
        rows.append([words, _ms(now), f"{now.bytes / 1e6:.1f}", *(_gain(before, now) if before else ("", ""))])
        before = now
    first, last = every[timed[0][1]], every[timed[-1][1]]
    rows.append(["**all together**", "", "", *(f"**{gain}**" for gain in _gain(first, last))])
    return markdown_table(["step", "P50, ms", "MB", "times faster", "times smaller"], rows)


def precisions(every: Every) -> str:
    """Return the table of every artifact but FP32, compared with the FP32 artifact of its format and the teacher."""
    rows = []
    for now in every.values():
        own = every.get(f"{now.format}-fp32")
        if own is None or now.precision == "fp32" or now.name == TEACHER:
            continue
        rows.append([now.name, *(cell for before in (own, every[TEACHER]) for cell in _gain_or_why(before, now))])
    headers = ["artifact", "times faster than its own FP32", "times smaller", "than the teacher", "smaller than it"]
    return markdown_table(headers, rows)


def _gain_or_why(before: Measured, now: Measured) -> tuple[str, str]:
    return _gain(before, now) if now.samples and before.samples else (now.missing, _smaller(before, now))


def roofline(every: Every, peaks: Peaks) -> str:
    """Return the table of each artifact's latency and its roofline limit."""
    rows = []
    for now in every.values():
        if now.samples:
            limit = peaks.limit_ms(now.macs, now.precision)
            p50 = median_over_sets(now.samples).estimate
            rows.append([now.name, f"{p50:.2f}", f"{limit:.2f}", percent(limit / p50, 0), f"{p50 / limit:.2f}"])
        else:
            rows.append([now.name, now.missing, "", "", ""])
    machine = f"One thread multiplies {peaks.fp32 / 1e9:.0f} GFLOP/s in FP32 and {peaks.int8 / 1e9:.0f} GOP/s in INT8."
    table = markdown_table(["artifact", "P50, ms", "limit, ms", "of the peak", "times the limit"], rows)
    return f"{machine}\n\n{table}"


def seconds(every: Every) -> str:
    """Return the table of the export times of one student, and their sum."""
    student = [now for now in every.values() if now.name != TEACHER and not now.name.endswith(RELU)]
    rows = [[now.name, f"{now.seconds:.1f}"] for now in student]
    rows.append(["**all**", f"**{sum(now.seconds for now in student):.1f}**"])
    return markdown_table(["export", "seconds"], rows)


def answers(manifest: Manifest | None) -> str:
    """Return the table of label agreement and accuracy change of a trained student's files."""
    steps = {step.name: step for step in manifest.steps if step.kind == "artifact"} if manifest else {}
    rows = []
    for step in steps.values():
        source = next((s for s in steps.values() if s.name == f"{step.name.rpartition('-')[0]}-fp32"), None)
        agreement = f"{percent(step.parity.label_agreement, 2)} of {step.parity.rows:,}" if step.parity else ""
        change = (
            100 * (source.comparison.drop - step.comparison.drop)
            if step.comparison and source and source.comparison
            else None
        )
        rows.append([step.name, agreement, "" if change is None else f"{change:+.2f}", step.decision])
    if not rows:
        return "Not measured: no built recipe at hand."
    headers = ["file", "same label as their PyTorch source", "change against the FP32 file, pp", "the guard"]
    return markdown_table(headers, rows)


def _gain(before: Measured, now: Measured) -> tuple[str, str]:
    """Return the speed-up with its interval, and the ratio of the sizes."""
    return shown(ratio_over_sets(before.samples, now.samples)), _smaller(before, now)


def _smaller(before: Measured, now: Measured) -> str:
    return f"{before.bytes / now.bytes:.1f}"


def shown(ratio: Interval) -> str:
    """Return an interval as ``4.20 (4.11 to 4.30)``."""
    return f"{ratio.estimate:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _ms(now: Measured) -> str:
    return f"{median_over_sets(now.samples).estimate:.1f}"
