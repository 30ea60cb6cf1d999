from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pocketbert.bench.measuring.metrics.accuracy import measure_accuracy, unseen_score
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import Subject
from pocketbert.bench.records.results import Accuracy, pack, unpack
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.tasks import Outcomes, open_task
from pocketbert.compress.tasks.inputs import Inputs


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


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_artifact_with_a_logit_that_is_not_finite_gets_no_score(value: float) -> None:
    answers = np.array([[0.1, 0.9], [0.8, value], [0.2, 0.1]], dtype=np.float32)
    child = SimpleNamespace(open=lambda file: None, logits=lambda batch: answers)
    setup = SimpleNamespace(
        task=open_task("classification", ["neg", "pos"], 16),
        rows=range(3),
        bar=SimpleNamespace(advance=lambda *_: None),
    )
    subject = SimpleNamespace(inputs=Inputs([[1, 2]] * 3, 0), key="", file=None)
    with pytest.raises(ChildFailed, match="the logits of 1 of 3 predictions are NaN or infinite"):
        measure_accuracy(cast("Child", child), cast("Setup", setup), cast("Subject", subject))
