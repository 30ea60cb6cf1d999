"""Scores are compared row by row if they are of the same rows, counted alike."""

from typing import Any

import pytest

from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.records.rows import same_rows


def score(**changes: Any) -> Accuracy:
    usual = {
        "metric": "m",
        "value": 0.5,
        "scores": {},
        "rows": 8,
        "drop": None,
        "correct": "ff",
        "test_sha256": "1" * 64,
    }
    return Accuracy(**(usual | changes))


@pytest.mark.parametrize(
    "other",
    [{"test_sha256": "2" * 64}, {"rows": 9, "correct": "ff00"}, {"counts": 3, "correct": "00" * 48}],
    ids=["digest", "number", "counts"],
)
def test_other_rows_are_not_the_same(other: dict[str, Any]) -> None:
    assert same_rows(score(), score(value=0.25, correct="00"))
    assert not same_rows(score(), score(**other))
