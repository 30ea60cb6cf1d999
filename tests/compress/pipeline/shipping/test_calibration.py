"""The rows that a file is calibrated on: one of each label, and never all of one."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.shipping.calibration import ROWS, check_labels, choose, draw
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import NO_LABEL, Rows


def texts(labels: list[Any], labelled: int | None = None) -> Any:
    return SimpleNamespace(
        splits={"train": {"label": labels}},
        labelled=len(labels) if labelled is None else labelled,
        task=SimpleNamespace(labels=["neg", "pos", "none"]),
    )


def test_some_rows_are_drawn_and_the_rarest_label_is_among_them() -> None:
    gold = [0] * 5000
    gold[4321], gold[17] = 1, 2
    drawn = draw(gold)
    assert {4321, 17} <= set(drawn)
    assert len(drawn) == len(set(drawn)) == ROWS
    assert drawn == sorted(drawn)
    assert max(np.diff(drawn)) < 1000, "from all over the split, which may be sorted"
    assert drawn == draw(gold)


def test_a_small_split_is_taken_whole() -> None:
    assert draw([0, 1, 0]) == [0, 1, 2]


def test_rows_of_words_and_rows_without_labels() -> None:
    gold = [[0, 0, 0]] * 3000 + [[0, 3, 4]] + [[NO_LABEL] * 2] * 3000
    assert 3000 in draw(gold)


def test_the_windows_of_a_drawn_row_belong_to_it() -> None:
    inputs = Inputs([[2, 5, 3], [2, 6, 3], [2, 7, 3]], 0, scored=[[1], [1], [1]], rows=[0, 0, 1])
    found = choose(Rows(inputs, [[0, 1], [0]], {}))
    assert found.sequences == inputs.sequences
    assert found.rows is None


def test_rows_of_one_label_are_refused_in_one_line() -> None:
    with pytest.raises(
        BadInput, match=r"^artifact 2 \(onnx-qdq\): its activations are calibrated .* is 'pos'; expected"
    ):
        check_labels(texts([1] * 300), "artifact 2 (onnx-qdq)")
    with pytest.raises(BadInput, match="every labelled one is 'neg'"):
        check_labels(texts([[0, 0], [0]]), "artifact 1 (onnx-qdq)")
    with pytest.raises(BadInput, match="every labelled one is 'pos'"):
        check_labels(texts([1, 1, NO_LABEL, NO_LABEL], labelled=2), "artifact 1 (onnx-qdq)")
    check_labels(texts([1] * 300 + [0]), "artifact 1 (onnx-qdq)")
