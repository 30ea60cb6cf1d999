"""Rows keep inputs, labels and texts in step."""

import numpy as np
import pytest

from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import NO_LABEL, Rows, flat


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
