"""Inputs in batches, and predictions back in the order of the rows, with one logit row per text or per word."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.inputs import (
    Batch,
    Inputs,
    NotFinite,
    as_tensors,
    batches,
    by_length,
    collect,
    longer_texts,
    pad,
    predict,
)

TEXTS = Inputs([[5] * n for n in (7, 1, 4, 9, 2)], 0)
WINDOWS = Inputs(
    [[2, 11, 12, 3], [2, 13, 3], [2, 12, 14, 15, 3], [2, 3]],
    0,
    scored=[[1, 2], [1], [2, 3], []],
    rows=[0, 1, 1, 2],
    truncated=1,
)
"""Row 0 has two words, row 1 has three in two windows (the piece 12 is context), row 2 has none."""


def echo(batch: Batch) -> NDArray[np.float32]:
    """A "model" of tokens that predicts the id it reads."""
    return batch["input_ids"][:, :, None].astype(np.float32)


def test_texts_have_one_prediction_each() -> None:
    assert TEXTS.ends.tolist() == [1, 2, 3, 4, 5]
    assert TEXTS.answers([3, 0]).tolist() == [3, 0]
    assert TEXTS.positions([3, 0]) is None


@pytest.mark.parametrize(
    ("indices", "answers", "rows", "tokens"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 0, 1, 2, 2], [1, 2, 1, 2, 3]),
        ([2, 0], [3, 4, 0, 1], [0, 0, 1, 1], [2, 3, 1, 2]),
        ([3], [], [], []),
        ([], [], [], []),
    ],
)
def test_words_are_found_in_the_batch_and_among_all_predictions(
    indices: Sequence[int], answers: list[int], rows: list[int], tokens: list[int]
) -> None:
    assert WINDOWS.ends.tolist() == [2, 3, 5, 5]
    assert WINDOWS.answers(indices).tolist() == answers
    found = WINDOWS.positions(indices)
    assert found is not None
    assert [part.tolist() for part in found] == [rows, tokens]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_windows_are_collected_in_the_order_of_the_words(size: int, workers: int) -> None:
    """Whatever the batches: words that are only context in a window do not count."""
    assert predict(echo, WINDOWS, size, workers=workers)[:, 0].tolist() == [11, 12, 13, 14, 15]


def test_predict_keeps_the_order_of_the_rows() -> None:
    seen: list[int] = []
    out = predict(
        lambda batch: batch["attention_mask"].sum(axis=1, keepdims=True).astype(np.float32),
        TEXTS,
        size=2,
        progress=seen.append,
    )
    assert out[:, 0].tolist() == [7, 1, 4, 9, 2]
    assert sorted(seen) == [1, 2, 2]


def test_batches_hold_inputs_of_similar_length() -> None:
    made = {tuple(indices.tolist()): batch["input_ids"].shape[1] for indices, batch in batches(TEXTS, 2)}
    assert made == {(1, 4): 2, (2, 0): 7, (3,): 9}


def test_half_of_the_batches_have_about_half_of_the_tokens() -> None:
    """Else a progress bar, which counts inputs, would be wrong about the time that is left."""
    lengths = [1 + number % 128 for number in range(3200)]
    inputs = Inputs([[1] * length for length in lengths], 0)
    made = [sum(lengths[index] for index in indices) for indices in by_length(inputs, 32)]
    assert 0.4 < sum(made[:50]) / sum(made) < 0.6
    assert sum(made) == sum(lengths)


@pytest.mark.parametrize(("inputs", "shape", "level"), [(TEXTS, (5, 9, 2), "text"), (WINDOWS, (4, 2), "token")])
def test_logits_of_the_other_level_are_refused(inputs: Inputs, shape: tuple[int, ...], level: str) -> None:
    parts = [(np.arange(shape[0]), np.zeros(shape, dtype=np.float32))]
    with pytest.raises(
        BadInput, match=rf"have the shape \({shape[0]}, .*; expected for this task: logits of each {level}$"
    ):
        collect(parts, inputs)


def test_the_first_rows_take_their_windows_along() -> None:
    first = WINDOWS.first(2)
    assert first.sequences == WINDOWS.sequences[:3]
    assert (first.scored, first.rows) == ([[1, 2], [1], [2, 3]], [0, 1, 1])
    assert first.ends.tolist() == [2, 3, 5], "counted from the shorter list"
    pairs = Inputs([[2, 5, 3, 6, 3]] * 3, 0, types=[[0, 0, 0, 1, 1]] * 3).first(2)
    assert (len(pairs), pairs.types) == (2, [[0, 0, 0, 1, 1]] * 2)


def test_chosen_inputs_are_rows_of_their_own() -> None:
    chosen = WINDOWS.chosen([2, 0])
    assert chosen.sequences == [WINDOWS.sequences[2], WINDOWS.sequences[0]]
    assert (chosen.scored, chosen.rows, chosen.types) == ([[2, 3], [1, 2]], None, None)
    assert chosen.ends.tolist() == [2, 4]


@pytest.mark.parametrize(("tokens", "found"), [(None, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4]), (4, [1, 2, 4]), (0, [])])
def test_inputs_up_to_a_length(tokens: int | None, found: list[int]) -> None:
    assert TEXTS.up_to(tokens).tolist() == found


def test_one_input_stands_for_each_row() -> None:
    assert WINDOWS.one_per_row() == [[2, 11, 12, 3], [2, 13, 3], [2, 3]]
    assert TEXTS.one_per_row() == TEXTS.sequences


def test_a_batch_is_padded_to_its_longest_input() -> None:
    batch = pad([[2, 5, 3, 6, 3], [2, 7, 3]], 1, [[0, 0, 0, 1, 1], [0, 0, 0]])
    assert {name: values.tolist() for name, values in batch.items()} == {
        "input_ids": [[2, 5, 3, 6, 3], [2, 7, 3, 1, 1]],
        "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]],
        "token_type_ids": [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]],
    }
    inputs = Inputs([[2, 7, 3], [2, 5, 3, 6, 3]], 1)
    assert list(inputs.padded([0])) == ["input_ids", "attention_mask"]
    assert inputs.padded([1, 0])["input_ids"].tolist() == batch["input_ids"].tolist()


def test_tensors_are_the_padded_batch() -> None:
    import torch

    tensors = WINDOWS.tensors([1, 0])
    assert all(tensor.dtype == torch.int64 for tensor in tensors.values())
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        name: values.tolist() for name, values in WINDOWS.padded([1, 0]).items()
    }
    assert as_tensors(WINDOWS.padded([0]), "meta")["input_ids"].device.type == "meta"


def test_longer_texts_are_told_for_each_split() -> None:
    cut = Inputs([[2, 5, 3]] * 2000, 0, truncated=1200)
    assert list(longer_texts({"train": cut, "test": TEXTS}, 3)) == [
        "1,200 of 2,000 train texts were truncated to 3 tokens"
    ]
    assert list(longer_texts({"test": WINDOWS}, 5)) == [
        "in 1 test texts a single word does not fit into 5 tokens and was truncated",
        "longer test texts (5 tokens) are read in overlapping windows: 1 inputs more",
    ]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_get_no_score(wrong: float) -> None:
    """Whichever way they come: in one of five rows, and even where another label has the largest logit."""

    def some(batch: Batch) -> NDArray[np.float32]:
        logits = np.tile(np.float32([1, 2]), (len(batch["input_ids"]), 1))
        logits[batch["attention_mask"].sum(axis=1) == 9, 0] = wrong
        return logits

    with pytest.raises(NotFinite, match="the logits of 1 of 5 predictions are NaN or infinite") as refused:
        predict(some, TEXTS, 2)
    for kind, labels, gold in (
        ("classification", ["a", "b"], [1] * 5),
        ("matching", ["a", "b"], [1] * 5),
        ("tagging", ["O", "B-X"], [[1], [1] * 4]),
    ):
        task = open_task(kind, labels, 16)
        for score in (task.scores, task.outcomes):
            with pytest.raises(NotFinite, match="1 of 5"):
                score(refused.value.logits, gold)


def test_of_words_the_context_in_a_window_does_not_count() -> None:
    """Padding and context may be anything: nobody reads their logits."""

    def some(batch: Batch) -> NDArray[np.float32]:
        logits = echo(batch)
        logits[batch["attention_mask"] == 0] = np.nan
        return logits

    assert predict(some, WINDOWS)[:, 0].tolist() == [11, 12, 13, 14, 15]
