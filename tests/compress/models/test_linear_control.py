"""The linear baseline learns character n-grams and predicts one-hot rows."""

import numpy as np

from pocketbert.compress.models.linear_control import linear_predictions

TRAIN = ["服务很好", "房间很好", "早餐很好", "服务很差", "房间很差", "早餐很差", "电脑一般", "快递一般"]
LABELS = [1, 1, 1, 0, 0, 0, 3, 3]


def test_texts_get_the_label_of_their_characters() -> None:
    validation, test = linear_predictions(TRAIN, LABELS, ["书很好", "书很差", "书一般"], ["价格差"])
    assert validation.argmax(axis=1).tolist() == [1, 0, 3]
    assert test.argmax(axis=1).tolist() == [0]


def test_predictions_are_one_hot_over_all_labels() -> None:
    """Label 2 has no row: its column is there, or the labels after it would move."""
    [found] = linear_predictions(TRAIN, LABELS, TRAIN)
    assert (found.shape, found.dtype) == ((len(TRAIN), 4), np.float32)
    assert found.sum(axis=1).tolist() == [1] * len(TRAIN)
    assert not found[:, 2].any()
