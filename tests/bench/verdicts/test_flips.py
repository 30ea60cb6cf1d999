import numpy as np

from pocketbert.bench.measuring import subject
from pocketbert.bench.records.outcomes import pack
from pocketbert.bench.records.results import Accuracy
from pocketbert.bench.verdicts.flips import SHOWN, flips
from pocketbert.compress.tasks import open_task

TASK = open_task("classification", ["neg", "pos"], 16)


def rows_of(texts: list[str], gold: list[int]) -> subject.ScoredRows:
    return subject.ScoredRows({"text": texts, "label": gold}, gold, "0", [])


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
    found = flips("small", scored(now), "the baseline", scored(before), rows=rows, task=TASK, texts=True)
    assert (found.lost, found.won) == (1, 1)
    assert [(row.row, row.text, row.label) for row in found.lost_rows] == [(1, "text 1", "pos")]
    assert [(row.row, row.text, row.label) for row in found.won_rows] == [(2, "text 2", "neg")]


def test_a_long_list_and_a_long_text_are_cut_and_the_count_is_not() -> None:
    rows = rows_of(["很" * 500] * 60, [0] * 60)
    found = flips("small", scored([False] * 60), "it", scored([True] * 60), rows=rows, task=TASK, texts=True)
    assert (found.lost, len(found.lost_rows)) == (60, SHOWN)
    assert len(found.lost_rows[0].text) < 60
    assert found.lost_rows[0].text.endswith("…")


def test_texts_may_be_personal_data_and_are_left_out() -> None:
    rows = rows_of(["a name"] * 2, [0, 1])
    found = flips("small", scored([True, False]), "it", scored([False, True]), rows=rows, task=TASK, texts=False)
    assert [(row.row, row.text, row.label) for row in (*found.lost_rows, *found.won_rows)] == [
        (1, "", "pos"),
        (0, "", "neg"),
    ]
