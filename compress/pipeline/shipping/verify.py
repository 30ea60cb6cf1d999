"""No export enters the manifest before it has answered real rows as its PyTorch source did.

These are the validation rows: the test split is read once, by the bench, which scores the shipped file itself on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.base.files import remove
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import file_name
from pocketbert.compress.manifest import Parity
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.first_difference import first_difference
from pocketbert.compress.runtimes import EMULATED
from pocketbert.compress.tasks.inputs import Inputs, predict
from pocketbert.compress.tasks.rows import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FEW_ELSEWHERE = 20
"""Rows that a file is asked about whose runtime is of another system: each takes half a second."""
_FEW = 32
"""Inputs by which the first layer that differs is looked for: those whose logits differ most."""
_LARGE = 10.0
"""Logits of classifiers are smaller. A regression may answer in thousands, of which FP32 knows the fourth digit."""


class Tolerance(NamedTuple):
    """How far an export may be from its source.

    Attributes:
        logit: largest difference, in proportion where logits are larger than `_LARGE`; None where rounding is the
            point, which the guard judges by the metric.
        labels: smallest share of answers (rows; of tagging, words) that must keep their label.
    """

    logit: float | None
    labels: float


TOLERANCE = {
    "fp32": Tolerance(1e-3, 0.999),
    "fp16": Tolerance(5e-2, 0.99),
    "int8": Tolerance(None, 0.95),
    "coreml-fp16": Tolerance(5e-2, 0.95),  # of a handful of rows
    "torch-fp32": Tolerance(1e-4, 0.999),  # the same kernels: only threads may sum in another order
}
"""By precision, and of a format that is closer or farther than others by ``format-precision``."""


@dataclass(frozen=True)
class Verified:
    """An export that was asked; `failed`: why it is not its source. There are no logits if there is no file."""

    logits: NDArray[np.float32] | None
    parity: Parity | None
    failed: str | None
    note: str | None = None


def verify(
    model: "PreTrainedModel",
    export: Export,
    path: Path,
    source: NDArray[np.float32],
    tokens: Tokens,
    progress: Progress,
) -> Verified:
    """Write `model` to `path` and hold its answers to the validation rows against `source`, the model's own.

    Where its runtime is of another system, to the first of them alone.

    What an exporter or a runtime raises is a failure like any other, and leaves nothing at `path`. A failure of a file
    that should compute what its source does names the first layer that does not; an INT8 file differs in all of them,
    and `pocketbert.compress.pipeline.shipping.ranking` says where most.

    Raises:
        BadInput: the runtime is not installed.
    """
    inputs = tokens.validation.inputs
    if export.runtime in EMULATED:
        inputs = inputs.first(_FEW_ELSEWHERE)
        source = source[: inputs.ends[-1]]
    try:
        note = export.write(model, path)
        with progress.work(_described(export), len(inputs)) as bar:
            logits = export.answers(path, inputs, bar.advance)
    except BadInput:
        raise
    except Exception as error:  # exporters and runtimes share no base class
        remove(path)
        where = first_wrong(model, export, inputs, progress)
        return Verified(None, None, f"{type(error).__name__}: {first_line(error)}{where}")
    parity = compare(logits, source)
    failed = complaint(parity, export)
    if failed:
        failed += first_wrong(model, export, inputs, progress, np.abs(logits - source).max(axis=1))
    return Verified(logits, parity if isfinite(parity.max_abs_logit) else None, failed, note)


def compare(logits: NDArray[np.float32], source: NDArray[np.float32]) -> Parity:
    """How far a file's logits are from its source's on the same answers, (answers, labels) each."""
    return Parity(
        max_abs_logit=float(np.abs(logits - source).max()),
        largest=float(np.abs(source).max()),
        label_agreement=float(np.mean(logits.argmax(axis=1) == source.argmax(axis=1))),
        rows=len(logits),
    )


def complaint(parity: Parity, export: Export) -> str | None:
    """Why the export is not its source, or None."""
    allowed = tolerance(export)
    if not isfinite(parity.max_abs_logit):
        return "a logit is not a number"
    if allowed.logit is not None and parity.max_abs_logit > (most := allowed.logit * max(1, parity.largest / _LARGE)):
        return f"a logit differs by {parity.max_abs_logit:.2g}, allowed {most:.2g}"
    if parity.label_agreement < allowed.labels:
        return f"only {parity.label_agreement:.1%} of answers keep their label, needed {allowed.labels:.1%}"
    return None


def tolerance(export: Export) -> Tolerance:
    """What is allowed of a format in a precision."""
    return TOLERANCE.get(f"{export.format}-{export.precision}", TOLERANCE[export.precision])


def first_wrong(
    model: "PreTrainedModel",
    export: Export,
    inputs: Inputs,
    progress: Progress,
    differences: NDArray[np.float32] | None = None,
) -> str:
    """The end of a complaint: the first layer with which a file goes wrong by a few of these inputs.

    Empty where none is to be found: every layer of an INT8 file differs, and what was raised for one input may not be
    raised for another.

    Args:
        differences: of each answer, how far it is from the source's; None where there are none, since making, opening
            or asking the file raised.
    """
    from pocketbert.compress.runtimes.torch import TorchSession

    raised = differences is None
    if differences is None:
        few = _chosen(inputs, range(len(inputs))[:_FEW])
    elif tolerance(export).logit is None:
        return ""
    else:
        few = _chosen(inputs, np.unique(np.searchsorted(inputs.ends, differences.argsort()[-_FEW:], side="right")))

    def wrong(lowest: "PreTrainedModel") -> bool:
        with TemporaryDirectory() as folder:
            path = Path(folder) / file_name(export.format, export.precision)
            try:
                export.write(lowest, path)
                logits = export.answers(path, few)
            except Exception:  # as in `verify`
                return True
        if raised:
            return False
        return complaint(compare(logits, predict(TorchSession(lowest).logits, few)), export) is not None

    return f"; first in {first_difference(model, wrong, progress)}" if not raised or wrong(model) else ""


def _chosen(inputs: Inputs, numbers: Sequence[int] | NDArray[np.intp]) -> Inputs:
    """These inputs, each as a row of its own."""
    return Inputs(
        [inputs.sequences[n] for n in numbers],
        inputs.padding,
        inputs.types and [inputs.types[n] for n in numbers],
        inputs.scored and [inputs.scored[n] for n in numbers],
    )


def _described(export: Export) -> str:
    in_float = f", {len(export.keep_float)} in float" if export.keep_float else ""
    return f"verifying {file_name(export.format, export.precision)}{in_float}"
