"""Agreement of an exported file with its source: by label, for taggers by entity, and for a single score by R².

Nearly every word of a tagger's text is outside of all entities, so a file that finds none keeps nearly every label.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput, percent
from pocketbert.compress.exports import Tolerance
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.tagging import Tagging

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_ENOUGH = 5
"""Predictions of a label that can hardly all be lost by the rounding of one that is right."""
_LISTED = 10
"""Labels whose agreement is described one by one."""
_EQUAL = 1e-6
"""Range of the source's scores, as a share of the largest, below which all scores are equal but for rounding."""


class Kept(NamedTuple):
    """How often the source, the file, and both in the same place predict a label, or an entity of a type."""

    source: int
    file: int
    both: int


Agreement = Mapping[str, Kept]
"""Label, or type of entity -> how much of it the file keeps."""


def labels_of(config: "PretrainedConfig") -> list[str]:
    """Return the labels of a model in the order of its logits."""
    return [str(config.id2label[n]) for n in range(config.num_labels)]


def by_label(labels: Sequence[str], logits: NDArray[np.float32], source: NDArray[np.float32]) -> Agreement:
    """Compare the predicted labels, one per prediction; logits are (predictions, labels) each."""
    file, own = logits.argmax(axis=1), source.argmax(axis=1)
    counts = {
        label: Kept(int(np.sum(own == n)), int(np.sum(file == n)), int(np.sum((own == n) & (file == n))))
        for n, label in enumerate(labels)
    }
    return {label: kept for label, kept in counts.items() if kept.source or kept.file}


def by_entity(
    labels: Sequence[str], logits: NDArray[np.float32], source: NDArray[np.float32], inputs: Inputs
) -> Agreement:
    """Compare the predicted entities by type, first and last word; logits are (predictions, labels) each.

    Labels that mark no entities, such as LABEL_0, count as one entity per word, except the source's commonest label.
    """
    try:
        task = Tagging(list(labels), 0)
    except BadInput:
        commonest = np.bincount(source.argmax(axis=1)).argmax()
        task = Tagging(["O" if n == commonest else f"S-{label}" for n, label in enumerate(labels)], 0)
    own, file, both = Counter[str](), Counter[str](), Counter[str]()
    for row in _rows(inputs):
        expected, found = (task.entities(values[row].argmax(axis=1)) for values in (source, logits))
        for counter, entities in ((own, expected), (file, found), (both, expected & found)):
            counter.update(type_ for type_, *_ in entities)
    return {type_: Kept(own[type_], file[type_], both[type_]) for type_ in sorted(own | file)}


def share(agreement: Agreement) -> float | None:
    """Return twice the common predictions over those of both: for entities F1, for labels the share that is kept.

    None: neither source nor file predicts anything, so nothing was compared.
    """
    source, file, both = map(sum, zip(*agreement.values(), strict=True)) if agreement else (0, 0, 0)
    return 2 * both / (source + file) if source + file else None


def lost(agreement: Agreement) -> str | None:
    """Say which label the file has lost altogether, or None; one label of many hardly changes the share."""
    for label, kept in agreement.items():
        if kept.source >= _ENOUGH and not kept.both:
            return f"none of the {kept.source:,} predictions of {label} is kept"
    return None


def of_scores(logits: NDArray[np.float32], source: NDArray[np.float32]) -> float | None:
    """Return R² of the file's scores with the source's as the truth, at least 0; (predictions, 1) each.

    R² is 1 minus the mean squared difference as a share of the variance of the source's scores. None: the source gives
    every text the same score, so nothing was compared.
    """
    truth = source.astype(np.float64)
    if np.ptp(truth) <= _EQUAL * np.abs(truth).max():
        return None
    return max(0.0, 1 - float(np.mean((logits - truth) ** 2) / np.var(truth)))


def scores_lost(logits: NDArray[np.float32], source: NDArray[np.float32], needed: float) -> str | None:
    """Say that the file's scores are too far from the source's, or None; (predictions, 1) each."""
    kept = of_scores(logits, source)
    if kept is None or kept >= needed:
        return None
    return f"its scores keep only {percent(kept)} of the source's variance (R²), needed {percent(needed)}"


def describe(
    labels: Sequence[str],
    logits: NDArray[np.float32],
    source: NDArray[np.float32],
    inputs: Inputs,
    allowed: Tolerance,
) -> Iterator[str]:
    """Describe, one sentence each, what the file keeps of its source's labels and, of a tagger, of its entities.

    Of a model with one score it is what the file keeps of that.
    """
    if len(labels) == 1:
        yield from _of_scores(logits, source, allowed.labels)
        return
    kept = by_label(labels, logits, source)
    agreed = percent(share(kept) or 0.0)
    yield f"label agreement {agreed} of {len(logits):,} predictions, {_needed(allowed.labels)}: {_each(kept)}"
    if len(told := [label for label, counts in kept.items() if counts.source]) == 1:
        yield f"the checkpoint predicts {told[0]} everywhere: the agreement says nothing about its other labels"
    if inputs.scored is None:
        return
    entities = by_entity(labels, logits, source, inputs)
    if (f1 := share(entities)) is None:
        yield "neither the checkpoint nor the file finds an entity here: no entity was compared"
    else:
        needed = _needed(allowed.entities)
        yield f"entity agreement {percent(f1)} (F1 against the checkpoint's), {needed}: {_each(entities)}"
        if added := sum(kept.file - kept.both for kept in entities.values()):
            yield f"the file finds {added:,} entities that the checkpoint does not find"


def _of_scores(logits: NDArray[np.float32], source: NDArray[np.float32], needed: float) -> Iterator[str]:
    apart = np.abs(logits - source)
    yield (
        f"score difference: mean {apart.mean():.2g}, largest {apart.max():.2g}, of scores from {source.min():.4g} to "
        f"{source.max():.4g}"
    )
    if (kept := of_scores(logits, source)) is None:
        yield "the checkpoint gives every text the same score: the agreement says nothing; name other texts (--texts)"
    else:
        yield f"score agreement {percent(kept)} (R² against the checkpoint's scores), {_needed(needed)}"


def _needed(agreement: float) -> str:
    return f"needed {percent(agreement)} (--min-agreement)"


def _each(agreement: Agreement) -> str:
    """List what is kept of each label; of many labels, of those that lose most."""
    most = sorted(agreement, key=lambda label: agreement[label].both - agreement[label].source)[:_LISTED]
    told = [
        f"{label or 'entity'} {kept.both:,} of {kept.source:,}" for label, kept in agreement.items() if label in most
    ]
    more = len(agreement) - len(told)
    return ", ".join([*told, *([f"and {more} labels more"] if more else [])])


def _rows(inputs: Inputs) -> Iterator[slice]:
    """Yield the predictions of each row; a long row has several inputs, one after the other."""
    start = 0
    for n, end in enumerate(inputs.ends.tolist()):
        last = inputs.rows is None or n + 1 == len(inputs) or inputs.rows[n + 1] != inputs.rows[n]
        if last:
            yield slice(start, end)
            start = end
