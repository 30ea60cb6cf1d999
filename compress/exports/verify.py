"""No export enters the manifest before it has answered real rows as its PyTorch source did."""

from collections.abc import Callable
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compress.data import Tokens
from compress.manifest import Parity
from compress.runtimes import open_session, usable_threads
from compress.tasks.encoding import predict

TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2, "int8": None}
"""Largest logit difference allowed; INT8 has none, since its rounding is what the guard judges."""
AGREEMENT = {"fp32": 0.999, "fp16": 0.99, "int8": 0.95}
"""Smallest share of answers (rows; of tagging, words) that must keep their label."""


def verify(
    runtime: str,
    path: Path,
    precision: str,
    source: NDArray[np.float32],
    tokens: Tokens,
    progress: Callable[[int], None],
) -> tuple[NDArray[np.float32], Parity]:
    """Logits of the export on the validation rows, and how far they are from its `source`'s on the same answers."""
    session = open_session(runtime, path, usable_threads())
    logits = predict(session.logits, tokens.validation.inputs, tokens.padding, progress=progress)
    return logits, Parity(
        max_abs_logit=float(np.abs(logits - source).max()),
        label_agreement=float(np.mean(logits.argmax(axis=1) == source.argmax(axis=1))),
        rows=len(logits),
    )


def complaint(parity: Parity, precision: str) -> str | None:
    """Why the export is not its source, or None."""
    limit = TOLERANCE[precision]
    if not isfinite(parity.max_abs_logit):
        return "a logit is not a number"
    if limit is not None and parity.max_abs_logit > limit:
        return f"a logit differs by {parity.max_abs_logit:.2g}, allowed {limit:g}"
    if parity.label_agreement < AGREEMENT[precision]:
        return f"only {parity.label_agreement:.1%} of answers keep their label, needed {AGREEMENT[precision]:.1%}"
    return None
