"""Verification of an export: its logits on the validation rows are compared with its PyTorch source's.

No export enters the manifest without it. The test split is left to the bench, which scores the exported file on it.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput, first_line, percent
from pocketbert.compress.base.failures import machine_failure
from pocketbert.compress.base.files import remove
from pocketbert.compress.base.folders.leftovers import temporary_folder
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import Tolerance
from pocketbert.compress.manifest import Parity
from pocketbert.compress.pipeline.shipping.agreement import by_entity, by_label, labels_of, lost, scores_lost, share
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.first_difference import first_difference
from pocketbert.compress.runtimes import EMULATED
from pocketbert.compress.tasks.inputs import Inputs, NotFinite, predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FEW_EMULATED = 20
"""Rows for a file whose runtime is emulated: each takes half a second."""
_FEW = 32
"""Inputs with which the first differing layer is located: those whose logits differ most."""
_LARGE = 10.0
"""Logits of classifiers are smaller. A regression may predict thousands, where FP32 rounds more coarsely."""


@dataclass(frozen=True)
class Verified:
    """The result of checking an export against its PyTorch source.

    `failed` is the reason if the export does not match; `logits` is None if no file was written or run. `parity` is
    None if a logit is NaN or infinite; then no file is left.
    """

    logits: NDArray[np.float32] | None
    parity: Parity | None
    failed: str | None
    note: str | None = None


def verify(
    model: "PreTrainedModel",
    export: Export,
    path: Path,
    source: NDArray[np.float32],
    inputs: Inputs,
    progress: Progress,
    allowed: Tolerance | None = None,
) -> Verified:
    """Write `model` to `path` and compare its logits on `inputs` with `source`, the model's own.

    An emulated runtime gets a few inputs alone, evenly spaced. An error of an exporter or a runtime counts as a failure
    and leaves nothing at `path`. The failure names the first layer that differs, except for INT8: there every layer
    differs, and `pocketbert.compress.pipeline.shipping.ranking` finds the most sensitive ones.

    Args:
        source: logits of `model`, (predictions, labels).
        allowed: the tolerance; None: the format's own.

    Raises:
        BadInput: the runtime is not installed.
    """
    allowed = allowed or export.tolerance
    if export.runtime in EMULATED:
        few = np.linspace(0, len(inputs) - 1, min(_FEW_EMULATED, len(inputs))).astype(int).tolist()
        inputs, source = inputs.chosen(few), source[inputs.answers(few)]
    try:
        note = export.write(model, path)
        higher = f", {len(export.kept)} in a higher precision" if export.kept else ""
        with progress.work(f"verifying {export.file}{higher}", len(inputs)) as bar:
            logits = export.predict(path, inputs, bar.advance)
    except NotFinite as error:
        remove(path)
        few = inputs.chosen(_inputs_of(inputs, np.flatnonzero(~np.isfinite(error.logits).all(axis=1))[:_FEW]))
        where = "" if export.kept else _first_wrong(model, export, few, progress, allowed)
        return Verified(error.logits, None, f"{error}{where}")
    except BadInput:
        raise
    except Exception as error:  # exporters and runtimes share no base class
        if machine_failure(error):
            raise
        remove(path)
        where = _first_wrong(model, export, inputs.chosen(range(len(inputs))[:_FEW]), progress, None)
        return Verified(None, None, f"{type(error).__name__}: {first_line(error)}{where}")
    parity = compare(logits, source)
    labels = labels_of(model.config)
    kept = by_label(labels, logits, source)
    if inputs.scored is not None:
        kept = by_entity(labels, logits, source, inputs)
        parity = parity.model_copy(update={"entity_agreement": share(kept)})
    failed = complaint(parity, allowed) or (lost(kept) if allowed.labels else None)
    if len(labels) == 1:
        failed = failed or scores_lost(logits, source, allowed.labels)
    if failed and allowed.logit is not None and complaint(compare(logits, source), allowed):
        largest = np.abs(logits - source).max(axis=1).argsort()[-_FEW:]
        few = inputs.chosen(_inputs_of(inputs, largest))
        failed += _first_wrong(model, export, few, progress, allowed)
    return Verified(logits, parity if isfinite(parity.max_abs_logit) else None, failed, note)


def _inputs_of(inputs: Inputs, predictions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the inputs to which these predictions belong."""
    return np.unique(np.searchsorted(inputs.ends, predictions, side="right"))


def compare(logits: NDArray[np.float32], source: NDArray[np.float32]) -> Parity:
    """Compare a file's logits with its source's, (predictions, labels) each."""
    return Parity(
        max_abs_logit=float(np.abs(logits - source).max()),
        largest=float(np.abs(source).max()),
        label_agreement=float(np.mean(logits.argmax(axis=1) == source.argmax(axis=1))),
        rows=len(logits),
    )


def complaint(parity: Parity, allowed: Tolerance) -> str | None:
    """Return the reason why a file does not match its source, or None."""
    if not isfinite(parity.max_abs_logit):
        return "a logit is not a number"
    if allowed.logit is not None and parity.max_abs_logit > (most := allowed.logit * max(1, parity.largest / _LARGE)):
        return f"a logit differs by {parity.max_abs_logit:.2g}, allowed {most:.2g}"
    if parity.label_agreement < allowed.labels:
        return (
            f"only {percent(parity.label_agreement)} of predictions keep their label, needed {percent(allowed.labels)}"
        )
    if parity.entity_agreement is not None and parity.entity_agreement < allowed.entities:
        return (
            f"only {percent(parity.entity_agreement)} of entities are the source's (F1), "
            f"needed {percent(allowed.entities)}"
        )
    return None


def _first_wrong(
    model: "PreTrainedModel", export: Export, few: Inputs, progress: Progress, allowed: Tolerance | None
) -> str:
    """Return the end of a message: the first layer at which a file goes wrong; empty if it cannot be located.

    Args:
        allowed: the tolerance; None if an error was raised, which these inputs may not reproduce.
    """
    from pocketbert.compress.runtimes.torch import TorchSession

    def wrong(lowest: "PreTrainedModel") -> bool:
        with temporary_folder() as folder:
            path = folder / export.file
            try:
                export.write(lowest, path)
                logits = export.predict(path, few)
            except Exception as error:  # as in `verify`
                if machine_failure(error):
                    raise
                return True
        if allowed is None:
            return False
        return complaint(compare(logits, predict(TorchSession(lowest).logits, few)), allowed) is not None

    return f"; first in {first_difference(model, wrong, progress)}" if allowed or wrong(model) else ""
