from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from pocketbert.bench.measuring.metrics import accuracy
from pocketbert.bench.measuring.metrics.accuracy import confusion, measure_accuracy, unseen_score
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Needed, Setup
from pocketbert.bench.measuring.subject import ScoredRows, Subject, load_rows
from pocketbert.bench.records.outcomes import pack, unpack
from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.tasks import Outcomes, open_task
from pocketbert.compress.tasks.inputs import Inputs, predict
from tests.support.manifests import PLAIN, write_manifest


@pytest.mark.parametrize(
    "outcomes",
    [np.array([True, False, True] * 5), 100 * np.arange(21, dtype=np.uint16).reshape(7, 3)],
    ids=["right or wrong", "counts of entities"],
)
def test_what_is_packed_comes_back(outcomes: Outcomes) -> None:
    rows = len(outcomes)
    packed = pack(outcomes)
    kept = Accuracy(metric="m", value=0, scores={}, rows=rows, drop=None, test_sha256="0", **packed)
    found = unpack(Accuracy.model_validate_json(kept.model_dump_json()))
    assert found.dtype == outcomes.dtype
    assert np.array_equal(found, outcomes)


def test_counts_of_one_byte_can_still_be_read() -> None:
    kept = Accuracy(
        metric="f1", value=0, scores={}, rows=2, drop=None, test_sha256="0", correct="010203040506", counts=3
    )
    assert unpack(kept).tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("outcomes", "score"),
    [
        (np.array([True, True, False, True]), 0.5),
        (np.array([[1, 1, 1], [1, 1, 1], [1, 2, 1], [1, 1, 2]], dtype=np.uint16), 2 * 2 / 6),
        (np.zeros((4, 3), dtype=np.uint16), 0.0),
    ],
)
def test_the_score_of_the_rows_that_are_not_in_train(outcomes: Outcomes, score: float) -> None:
    kept = Accuracy(metric="m", value=1, scores={}, rows=4, drop=None, test_sha256="0", **pack(outcomes))
    assert unseen_score(kept, [True, True, False, False]) == pytest.approx(score)
    for told_nothing in ([], [False] * 4, [True] * 4):
        assert unseen_score(kept, told_nothing) is None


def test_many_texts_travel_in_parts_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tagger: two words of the first text, none of the second, one of the others."""
    monkeypatch.setattr(accuracy, "_AT_ONCE", 2)
    scored = [[1, 2], [], [1], [1]]
    texts = Inputs([[2, 7, 8, 9, 3], [2, 3], [2, 6, 3], [2, 5, 5, 3]], 0, scored=scored)
    asked: list[int] = []

    def score(part: Inputs) -> NDArray[np.float32]:
        asked.append(len(part))
        return predict(lambda batch: np.repeat(batch["input_ids"][:, :, None], 2, axis=2).astype(np.float32), part)

    child = SimpleNamespace(open_scorer=lambda file: None, score=score)
    seen: list[NDArray[np.float32]] = []
    done: list[float] = []
    task = SimpleNamespace(
        labels=["O", "B-X"],
        token_level=True,
        metric="f1",
        scores=lambda logits, gold: seen.append(logits) or {"f1": 0.5},
        outcomes=lambda logits, gold: np.array([True] * 4),
    )
    setup = SimpleNamespace(
        task=task,
        rows=ScoredRows({}, [0] * 4, "", []),
        bar=SimpleNamespace(advance=lambda *given: done.append(given[2])),
    )
    subject = SimpleNamespace(inputs=texts, key="", file=None)
    measure_accuracy(cast("Child", child), cast("Setup", setup), cast("Subject", subject))
    assert seen[0][:, 0].tolist() == [7, 8, 6, 5]
    assert asked == [2, 2]
    assert sum(done) == pytest.approx(1)


def test_a_tagger_is_scored_by_type_and_a_classifier_by_label() -> None:
    def measured(kind: str, labels: list[str], gold: list[object], scored: list[list[int]] | None) -> Accuracy:
        answers = np.eye(2, dtype=np.float32)[[1, 0]]
        child = SimpleNamespace(open_scorer=lambda file: None, score=lambda texts: answers)
        rows = ScoredRows({}, gold, "", [])
        setup = SimpleNamespace(task=open_task(kind, labels, 16), rows=rows, bar=SimpleNamespace(advance=lambda *_: 0))
        subject = SimpleNamespace(inputs=Inputs([[2, 5, 3]] * 2, 0, scored=scored), key="", file=None)
        return measure_accuracy(cast("Child", child), cast("Setup", setup), cast("Subject", subject))

    tagger = measured("tagging", ["O", "B-PER"], [[1], [1]], [[1], [1]])
    assert (tagger.entities, tagger.confusion) == ({"PER": (1, 1, 2)}, [])
    classifier = measured("classification", ["neg", "pos"], [1, 1], None)
    assert (classifier.entities, classifier.confusion) == ({}, [[0, 0], [1, 1]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_artifact_with_a_logit_that_is_not_finite_gets_no_score(value: float) -> None:
    answers = np.array([[0.1, 0.9], [0.8, value], [0.2, 0.1]], dtype=np.float32)
    child = SimpleNamespace(open_scorer=lambda file: None, score=lambda texts: answers)
    setup = SimpleNamespace(
        task=open_task("classification", ["neg", "pos"], 16),
        rows=range(3),
        bar=SimpleNamespace(advance=lambda *_: None),
    )
    subject = SimpleNamespace(inputs=Inputs([[1, 2]] * 3, 0), key="", file=None)
    with pytest.raises(ChildFailed, match="the logits of 1 of 3 predictions are NaN or infinite"):
        measure_accuracy(cast("Child", child), cast("Setup", setup), cast("Subject", subject))


def test_rows_are_counted_by_their_true_and_their_predicted_label() -> None:
    logits = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    assert confusion(logits, [0, 0, 1, 2], 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_a_score_is_kept_for_one_file_its_rows_libraries_and_machine(tmp_path: Path) -> None:
    manifest = load_manifest(write_manifest(tmp_path, {"small": PLAIN}))
    rows = load_rows(tmp_path / "data/test.jsonl", open_task("classification", ["neg", "pos"], 16))
    setup = Setup(Needed(manifest, []), tmp_path, rows, Bar(Console(quiet=True)))
    small = setup.by_id["small"]
    found = {accuracy._cache(setup, subject) for subject in setup.subjects}
    assert len(found) == 2
    setup.rows = replace(rows, sha256="0")
    found.add(accuracy._cache(setup, small))
    machine = setup.machine
    for update in ({"fingerprint": "x"}, {"versions": {}}):
        setup.machine = machine.model_copy(update=update)
        found.add(accuracy._cache(setup, small))
    assert len(found) == 5
