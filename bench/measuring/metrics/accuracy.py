"""Accuracy: predictions of the exported file on the whole test split, in its own runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pocketbert.bench.measuring.progress import START_S
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import Subject
from pocketbert.bench.records.outcomes import pack, unpack
from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.records.reuse import keep, place, recall
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.tasks import Task
from pocketbert.compress.tasks.inputs import by_length, check_finite, largest
from pocketbert.compress.tasks.tagging import Tagging

_RUNTIMES = "pocketbert.compress.runtimes"
_AT_ONCE = 32
"""Texts of one command: enough to keep all cores busy, few enough for a large model on one core to answer in time."""


def expect(setup: Setup) -> None:
    """Add the forward passes over the test split to the progress bar."""
    for subject in setup.run_here:
        tokens = sum(map(len, subject.inputs.sequences))
        setup.bar.expect("accuracy", subject.key, fixed_s=START_S, tokens=tokens)


def measure(setup: Setup) -> None:
    """Set the score of every artifact; one with the same content, rows and libraries is read from the cache."""
    for subject in setup.run_here:
        kept = _cache(setup, subject)
        if known := recall(kept, Accuracy):
            subject.accuracy = known.model_copy(update={"reused": True})
        else:
            setup.bar.now(f"{subject.artifact.id}: accuracy on {len(setup.rows)} rows")
            with subject.recording("accuracy"), Child(len(setup.cores), setup.cores) as child:
                subject.accuracy = measure_accuracy(child, setup, subject)
                setup.unchanged.check(subject.path, subject.tokenizer_path)
                keep(kept, subject.accuracy)
        setup.bar.advance("accuracy", subject.key, 1)


def _cache(setup: Setup, subject: Subject) -> Path:
    """Return the file of the score that follows from this content, these rows and these libraries."""
    versions = [f"{name} {version}" for name, version in sorted(setup.machine.versions.items())]
    return place(
        setup.folder,
        # Earlier versions kept figures of other files, and none of each entity type.
        "accuracy, confusion and entities of an unchanged file",
        subject.key,
        setup.rows.sha256,
        setup.manifest.task.model_dump_json(),
        setup.machine.fingerprint,
        *versions,
        digest_of(type(setup.task).__module__, *(f"{_RUNTIMES}.{n}" for n in (subject.artifact.runtime, "scoring"))),
    )


def measure_accuracy(child: Child, setup: Setup, subject: Subject) -> Accuracy:
    """Score the artifact on the test rows; its drop is added when the reference is scored."""
    task, rows, inputs = setup.task, setup.rows, subject.inputs

    def done(count: int) -> None:
        setup.bar.advance("accuracy", subject.key, count / len(inputs))

    child.open_scorer(subject.file)
    parts = []
    for indices in by_length(inputs, _AT_ONCE):
        parts.append((indices, child.score(inputs.chosen(indices))))
        done(len(indices))
    logits = np.empty((int(inputs.ends[-1]), parts[0][1].shape[1]), dtype=np.float32)
    for indices, values in parts:
        logits[inputs.answers(indices)] = values
    try:
        check_finite(logits)
    except BadInput as refused:  # this artifact gets no score, the others may
        raise ChildFailed(str(refused)) from refused
    if logits.shape[1] != len(task.labels):
        raise ChildFailed(f"it predicts {logits.shape[1]} labels, the task has {len(task.labels)}")
    scores, tagging = task.scores(logits, rows.gold), cast("object", task)
    return Accuracy(
        metric=task.metric,
        value=scores[task.metric],
        scores=scores,
        rows=len(rows),
        drop=None,
        **pack(task.outcomes(logits, rows.gold)),
        test_sha256=rows.sha256,
        confusion=[] if task.token_level else confusion(logits, rows.gold, len(task.labels)),
        entities=tagging.by_type(logits, rows.gold) if isinstance(tagging, Tagging) else {},
    )


def confusion(logits: NDArray[np.float32], gold: Sequence[int], labels: int) -> list[list[int]]:
    """Count the rows by true label and by predicted label."""
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (np.asarray(gold), largest(logits)), 1)
    found: list[list[int]] = counts.tolist()
    return found


def with_drop(accuracy: Accuracy, reference: Accuracy, task: Task, confidence: float) -> Accuracy:
    """Return a copy with the drop against the reference on the same rows, in the task's interval."""
    drop = task.drop(unpack(reference), unpack(accuracy), confidence)
    interval = Interval(estimate=drop.estimate, low=drop.low, high=drop.high)
    return accuracy.model_copy(update={"drop": interval})


def unseen_score(accuracy: Accuracy, in_train: Sequence[bool]) -> float | None:
    """Return the metric on the rows that are not in train; None if all rows are, or none is.

    Args:
        in_train: one mark per test row; empty: not known.
    """
    unseen = ~np.array(in_train, dtype=np.bool_)
    if not unseen.any() or unseen.all():
        return None
    outcomes = unpack(accuracy)[unseen]
    if outcomes.dtype == np.bool_:
        return float(outcomes.mean())
    found, predicted, true = outcomes.sum(axis=0, dtype=np.int64).tolist()
    return 2 * found / (predicted + true) if predicted + true else 0.0
