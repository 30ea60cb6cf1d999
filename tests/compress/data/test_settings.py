"""The ``[task]`` table: defaults, and what is refused before any row is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from pocketbert.compress.data.settings import TaskTable, source_of


def test_a_dataset_is_enough() -> None:
    task = TaskTable(dataset="builtin:reviews")
    assert (task.kind, task.max_length, task.labels, task.limit, task.labelled) == ("classification", 128, (), {}, None)
    assert [getattr(task, key) for key in ("text", "text_pair", "tokens", "label")] == [
        "text", "text_pair", "tokens", "label",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "keys",
    [
        {"max_length": 7},
        {"max_length": 513},
        {"labelled": 0},
        {"limit": {"train": 0}},
        {"limit": {"unlabelled": 10}},
        {"splits": {"dev": "train[:10]"}},
        {"datasets": "x"},
    ],
)
def test_values_that_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TaskTable.model_validate({"dataset": "x"} | keys)


@pytest.mark.parametrize("slice_", ["train", "train[:90%]", "train[5:]"])
def test_the_split_of_a_slice(slice_: str) -> None:
    assert source_of(slice_) == "train"
