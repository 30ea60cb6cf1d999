"""The rows of a recipe: limits, rows without labels, rows sorted by label, tokens, and the test split on disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.data.texts import read_texts, tokenize, write_test
from pocketbert.compress.tasks.rows import NO_LABEL
from tests.support.datasets import write
from tests.support.manifests import read_columns


def rows_of(labels: str) -> list[dict[str, str]]:
    return [{"text": f"第{n}行", "label": label} for n, label in enumerate(labels)]


def task_on(folder: Path, train: str = "abab", **keys: Any) -> TaskTable:
    """Write a dataset whose training rows have these labels."""
    write(folder, train=rows_of(train), validation=rows_of("ab"), test=rows_of("abba"))
    return TaskTable.model_validate({"dataset": str(folder), **keys})


def error_of(task: TaskTable) -> str:
    with pytest.raises(BadInput) as raised:
        read_texts(task)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_split_is_truncated_to_its_limit(tmp_path: Path) -> None:
    texts = read_texts(task_on(tmp_path, limit={"train": 3, "test": 100}))
    assert texts.splits["train"] == {"text": ["第0行", "第1行", "第2行"], "label": [0, 1, 0]}
    assert [len(texts.splits[split]["label"]) for split in ("validation", "test")] == [2, 4]
    assert (texts.labelled, texts.remarks, texts.task.labels) == (3, [], ["a", "b"])


def test_rows_beyond_the_labelled_ones_have_no_label(tmp_path: Path) -> None:
    texts = read_texts(task_on(tmp_path, labelled=2))
    assert texts.splits["train"]["label"] == [0, 1, NO_LABEL, NO_LABEL]
    assert (texts.labelled, texts.remarks) == (2, ["2 of 4 training rows have labels"])
    assert read_texts(task_on(tmp_path, labelled=9)).labelled == 4


def test_unlabelled_rows_follow_the_training_rows(tmp_path: Path) -> None:
    task = task_on(tmp_path, limit={"train": 2})
    write(tmp_path, unlabelled=[{"text": "无"}])
    texts = read_texts(task)
    assert texts.splits["train"] == {"text": ["第0行", "第1行", "无"], "label": [0, 1, NO_LABEL]}
    assert (texts.labelled, texts.remarks) == (2, ["2 of 3 training rows have labels"])


def test_a_row_of_tags_has_no_label_for_every_token(tmp_path: Path) -> None:
    rows = [{"tokens": ["李", "鹏"], "label": ["B-PER", "I-PER"]}, {"tokens": ["北", "京", "。"], "label": ["O"] * 3}]
    write(tmp_path, train=rows, validation=rows, test=rows, unlabelled=[{"tokens": ["好"]}])
    texts = read_texts(TaskTable(kind="tagging", dataset=str(tmp_path), labelled=1))
    assert texts.splits["train"]["label"] == [[1, 2], [NO_LABEL] * 3, [NO_LABEL]]


def test_the_key_changes_with_rows_and_settings(tmp_path: Path) -> None:
    key = read_texts(task_on(tmp_path)).key
    assert read_texts(task_on(tmp_path)).key == key
    assert read_texts(task_on(tmp_path, max_length=64)).key != key
    assert read_texts(task_on(tmp_path, train="abba")).key != key


def test_labels_beyond_the_limit_are_told(tmp_path: Path) -> None:
    task = task_on(tmp_path, train="abcabd", limit={"train": 5})
    assert read_texts(task).remarks == ["1 of 4 labels have no row among the first 5 train rows"]


@pytest.mark.parametrize(
    ("train", "keys", "said"),
    [
        ("aabb", {"limit": {"train": 2}}, "train.jsonl is sorted by label: its first 2 rows (task.limit) are all 'a'."),
        ("aabb", {"labelled": 2}, "train.jsonl is sorted by label: its first 2 rows (task.labelled) are all 'a'."),
        ("bbccaa", {"labelled": 4}, "train.jsonl is sorted by label: its first 4 rows (task.labelled) are all 'b' or"),
        ("aaba", {"labelled": 2}, "train.jsonl: its first 2 rows (task.labelled) are all 'a'. Shuffle the rows or"),
        ("aaaa", {}, "train.jsonl: all rows have the label 'a'; expected: at least two labels"),
    ],
)  # fmt: skip
def test_training_rows_that_teach_nothing(tmp_path: Path, train: str, keys: dict[str, Any], said: str) -> None:
    task = task_on(tmp_path, train, **keys)
    if "b" not in train:
        write(tmp_path, validation=rows_of("a"), test=rows_of("a"))
    assert f"task.dataset {str(tmp_path)!r}, {said}" in error_of(task)


def test_few_rows_of_many_labels_are_not_sorted(tmp_path: Path) -> None:
    task = task_on(tmp_path, train="abcdef", labelled=4)
    assert "2 of 6 labels have no row among the first 4 train rows" in read_texts(task).remarks


def test_a_test_split_sorted_by_label_is_refused(tmp_path: Path) -> None:
    task = task_on(tmp_path, limit={"test": 2})
    write(tmp_path, test=rows_of("aabb"))
    said = error_of(task)
    assert said.endswith("test.jsonl is sorted by label: its first 2 rows (task.limit) are all 'a'. Shuffle the rows")


def test_train_and_validation_as_tokens(tmp_path: Path, tiny_model: Path) -> None:
    texts = read_texts(task_on(tmp_path, labelled=2))
    tokens = tokenize(texts, tiny_model / "tokenizer.json")
    assert [len(rows.inputs) for rows in (tokens.train, tokens.labelled, tokens.validation)] == [4, 2, 2]
    assert tokens.labelled.inputs.sequences == tokens.train.inputs.sequences[:2]
    assert tokens.train.labels.tolist() == [0, 1, NO_LABEL, NO_LABEL]
    assert tokens.validation.columns["text"] == ["第0行", "第1行"]


def test_the_test_split_is_written_with_its_labels(tmp_path: Path) -> None:
    texts = read_texts(task_on(tmp_path / "data", limit={"test": 3}))
    write_test(texts, tmp_path / "test.jsonl")
    assert read_columns(tmp_path / "test.jsonl") == texts.splits["test"]
    assert texts.splits["test"]["label"] == [0, 1, 1]


def test_rows_in_train_are_marked_if_there_are_any(tmp_path: Path) -> None:
    texts = read_texts(task_on(tmp_path / "data"))
    rows = texts.splits["test"]
    write_test(texts, tmp_path / "test.jsonl", [True, False, False, False])
    first, second, *_ = (tmp_path / "test.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first) == {"text": rows["text"][0], "label": rows["label"][0], "in_train": True}
    assert json.loads(second) == {"text": rows["text"][1], "label": rows["label"][1]}
    write_test(texts, tmp_path / "test.jsonl", [False] * 4)
    assert "in_train" not in (tmp_path / "test.jsonl").read_text(encoding="utf-8")


def test_validation_rows_of_one_label_decide_nothing(tmp_path: Path) -> None:
    task = task_on(tmp_path)
    write(tmp_path, validation=rows_of("bb"))
    said = error_of(task)
    assert "validation.jsonl: its 2 rows all have the label 'b', so every model scores alike; take other rows;" in said
    task = task_on(tmp_path, limit={"validation": 1})
    write(tmp_path, validation=rows_of("abab"))
    limited = error_of(task)
    assert (
        "its 1 rows all have the label 'a', so every model scores alike; take other rows or raise task.limit;"
        in limited
    )


def test_test_rows_of_one_label_are_told_first(tmp_path: Path) -> None:
    task = task_on(tmp_path)
    write(tmp_path, test=rows_of("bb"))
    said = "warning: the test split decides nothing: its 2 rows all have the label 'b', so every model scores alike"
    assert read_texts(task).remarks == [said]


def test_tags_without_an_entity_decide_nothing(tmp_path: Path) -> None:
    """Case c32: F1 is 0 and so is every drop."""
    entity, none = {"tokens": ["李"], "label": ["B-PER"]}, {"tokens": ["好", "书"], "label": ["O", "O"]}
    task = TaskTable(kind="tagging", dataset=str(tmp_path))
    write(tmp_path, train=[entity, none], validation=[none, none], test=[none])
    assert "validation.jsonl: its 2 rows hold no entity, so every model scores alike" in error_of(task)
    write(tmp_path, validation=[none, entity])
    assert read_texts(task).remarks == [
        "warning: the test split decides nothing: its 1 rows hold no entity, so every model scores alike"
    ]


def test_a_text_of_words_needs_no_outside(tmp_path: Path) -> None:
    """Word segmentation has no O."""
    rows = [{"tokens": list("李雷去北京"), "label": ["B", "E", "S", "B", "E"]}]
    write(tmp_path, train=rows, validation=rows, test=rows)
    texts = read_texts(TaskTable(kind="tagging", dataset=str(tmp_path)))
    assert (texts.task.labels, texts.remarks) == (["B", "E", "S"], [])
