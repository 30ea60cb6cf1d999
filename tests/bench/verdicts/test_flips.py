import numpy as np

from pocketbert.bench.measuring import subject
from pocketbert.bench.records.results import Accuracy, pack
from pocketbert.bench.verdicts.flips import SHOWN, flips
from pocketbert.compress.tasks import open_task

TASK = open_task("classification", ["neg", "pos"], 16)


def rows_of(texts: list[str], gold: list[int]) -> subject.TestRows:
    return subject.TestRows({"text": texts, "label": gold}, gold, "0", [])


def scored(correct: list[bool]) -> Accuracy:
    return Accuracy(
        metric="accuracy",
        value=sum(correct) / len(correct),
        scores={},
        rows=len(correct),
        drop=None,
        **pack(np.array(correct)),
        test_sha256="0",
    )


def test_rows_that_turned_are_named_in_both_directions() -> None:
    rows = rows_of([f"text {n}" for n in range(4)], [0, 1, 0, 1])
    before, now = [True, True, False, False], [True, False, True, False]
    found = flips("small", scored(now), "the baseline", scored(before), rows, TASK)
    assert (found.lost, found.won) == (1, 1)
    assert [(row.row, row.text, row.label) for row in found.lost_rows] == [(1, "text 1", "pos")]
    assert [(row.row, row.text, row.label) for row in found.won_rows] == [(2, "text 2", "neg")]


def test_a_long_list_and_a_long_text_are_cut_and_the_count_is_not() -> None:
    rows = rows_of(["很" * 500] * 40, [0] * 40)
    found = flips("small", scored([False] * 40), "it", scored([True] * 40), rows, TASK)
    assert (found.lost, len(found.lost_rows)) == (40, SHOWN)
    assert len(found.lost_rows[0].text) < 60
    assert found.lost_rows[0].text.endswith("…")
