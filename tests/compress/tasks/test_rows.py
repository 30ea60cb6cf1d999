"""Rows keep inputs, labels and texts in step."""

import numpy as np
import pytest

from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import NO_LABEL, Rows, every_second, flat, is_grouped, predictions_of


@pytest.mark.parametrize(
    ("gold", "labels"),
    [
        ([1, 0, NO_LABEL], [1, 0, -100]),
        ([np.int64(1), np.int64(0)], [1, 0]),
        (np.array([1, 0]), [1, 0]),
        ([[1, 0], [], [2]], [1, 0, 2]),
        ([], []),
    ],
)
def test_labels_are_one_per_prediction(gold: list[int], labels: list[int]) -> None:
    found = flat(gold)
    assert (found.tolist(), found.dtype) == (labels, np.int64)


def test_the_first_rows_have_their_inputs_labels_and_texts() -> None:
    columns = {"tokens": [["好", "书"], ["差"], ["房"]], "label": [[1, 0], [2], [0]]}
    inputs = Inputs([[2, 5, 3], [2, 6, 3], [2, 7, 3], [2, 8, 3]], 0, scored=[[1]] * 4, rows=[0, 0, 1, 2])
    rows = Rows(inputs, columns["label"], columns)
    assert rows.labels.tolist() == [1, 0, 2, 0]
    first = rows.first(2)
    assert len(first.inputs) == 3
    assert first.labels.tolist() == [1, 0, 2]
    assert first.columns == {"tokens": [["好", "书"], ["差"]], "label": [[1, 0], [2]]}
    assert int(first.inputs.ends[-1]) == len(first.labels)


def test_chosen_rows_keep_their_windows_and_are_numbered_anew() -> None:
    columns = {"tokens": [["好", "书"], ["差"], ["房"]], "label": [[1, 0], [2], [0]]}
    inputs = Inputs([[2, 5, 3], [2, 6, 3], [2, 7, 3], [2, 8, 3]], 0, scored=[[1]] * 4, rows=[0, 0, 1, 2])
    rows = Rows(inputs, columns["label"], columns)
    chosen = rows.chosen([0, 2])
    assert (chosen.inputs.sequences, chosen.inputs.rows) == ([[2, 5, 3], [2, 6, 3], [2, 8, 3]], [0, 0, 1])
    assert chosen.labels.tolist() == [1, 0, 0]
    assert chosen.columns == {"tokens": [["好", "书"], ["房"]], "label": [[1, 0], [0]]}
    assert len(chosen.first(1).inputs) == 2
    assert predictions_of(rows.gold, [0, 2]).tolist() == [0, 1, 3]


def test_half_of_each_label_is_every_second_row_of_it() -> None:
    gold = [0] * 7 + [2, 1] * 4
    half = every_second(gold)
    assert [sum(gold[row] == label for row in half) for label in range(3)] == [3, 2, 2]
    assert half.tolist() == sorted(half)
    tags = [[0, 0], [0, 3], [3, 0], [0], [1, 2], [2, 1, 2]]
    assert every_second(tags).tolist() == [2, 3, 5], "one row without entities, one of each kind of entity"
    assert every_second([]).tolist() == []


@pytest.mark.parametrize(
    ("labels", "grouped"),
    [
        ("aabb", True),
        ("bbccaa", True),
        ("abab", False),
        ("aabba", False),
        ("aaaa", False),
        ("abcd", False),
        ("", False),
    ],
)
def test_rows_sorted_by_label(labels: str, grouped: bool) -> None:
    """Rows of as many labels as rows are in no order, and neither are rows of one label."""
    assert is_grouped(labels) is grouped


def test_a_sample_of_sorted_rows_has_every_label() -> None:
    def sample(gold: list[int]) -> list[int]:
        rows = Rows(
            Inputs([[2, n, 3] for n in range(len(gold))], 0), gold, {"text": [str(n) for n in range(len(gold))]}
        )
        found = rows.sample(4)
        assert [sequence[1] for sequence in found.inputs.sequences] == [int(text) for text in found.columns["text"]]
        return list(found.gold)

    assert sample([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]) == [0, 0, 1, 1]
    assert sample([0, 0, 0, 0, 0, 1, 0, 1, 1, 1]) == [0, 0, 0, 0], "the first rows, in no order"
    assert sample([0, 0, 1]) == [0, 0, 1]
    assert sample([0] * 5 + [1] * 5 + [0] * 5 + [1] * 5) == [0, 0, 0, 0], "too few rows to say that a label is missing"


@pytest.mark.parametrize("gold", [[0] * 40 + [1] * 40 + [0] * 40 + [1] * 40, [1] + [0] * 80 + [1, 2] * 40])
def test_a_sample_has_the_labels_that_the_first_rows_lack(gold: list[int]) -> None:
    """Two sorted files in one, and a sorted file with a row that is out of order."""
    rows = Rows(Inputs([[2, 3]] * len(gold), 0), gold, {})
    assert set(rows.sample(30).gold) == set(gold)
