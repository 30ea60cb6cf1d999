"""The columns of each kind of task, and the error for every kind of wrong row: it names file, line and remedy."""

from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import TaskTable
from tests.support.datasets import write

KINDS: dict[str, list[dict[str, Any]]] = {
    "classification": [{"text": "好书", "label": "pos"}, {"text": "差", "label": "neg"}],
    "matching": [{"text": "问", "text_pair": "答", "label": 1}, {"text": "问", "text_pair": "无关", "label": 0}],
    "tagging": [
        {"tokens": ["李", "鹏", "到"], "label": ["B-PER", "I-PER", "O"]},
        {"tokens": ["北京", "。"], "label": ["B-LOC", "O"]},
    ],
}
COLUMNS = {
    "classification": {"text", "label"},
    "matching": {"text", "text_pair", "label"},
    "tagging": {"tokens", "label"},
}


def written(folder: Path, kind: str) -> Path:
    """Write a folder whose three splits are the two rows of that kind."""
    return write(folder, train=KINDS[kind], validation=KINDS[kind], test=KINDS[kind])


def table(folder: Path, kind: str = "classification", **keys: Any) -> TaskTable:
    return TaskTable.model_validate({"kind": kind, "dataset": str(folder), **keys})


def complaint(task: TaskTable) -> str:
    with pytest.raises(BadInput) as raised:
        load_data(task)
    said = str(raised.value)
    assert "\n" not in said
    assert task.dataset in said
    return said


def test_labels_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    """A model that was fine-tuned elsewhere has class ids of its own."""
    folder = written(tmp_path, "classification")
    for order, numbers in (("neg", "pos"), [1, 0]), (("pos", "neg"), [0, 1]):
        data = load_data(table(folder, labels=order))
        assert (tuple(data.labels), data.splits["train"]["label"]) == (order, numbers)
    assert "task.labels: pos, neutral; expected for" in complaint(table(folder, labels=["pos", "neutral"]))
    assert "neg, pos, in any order" in complaint(table(folder, labels=["pos", "pos"]))


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_a_kind(kind: str, tmp_path: Path) -> None:
    splits = load_data(table(written(tmp_path, kind), kind)).splits
    assert set(splits) == {"train", "validation", "test"}
    for split in splits.values():
        assert set(split) == COLUMNS[kind]


def test_what_stands_in_them(tmp_path: Path) -> None:
    data = load_data(table(written(tmp_path, "classification")))
    assert (data.labels, data.splits["train"]["label"]) == (["neg", "pos"], [1, 0])
    data = load_data(table(written(tmp_path, "tagging"), "tagging"))
    assert data.labels == ["O", "B-LOC", "B-PER", "I-PER"]
    assert data.splits["test"] == {"tokens": [["李", "鹏", "到"], ["北京", "。"]], "label": [[2, 3, 0], [1, 0]]}


def test_columns_are_found_by_the_recipe_s_names(tmp_path: Path) -> None:
    rows = [{"句": "甲", "另一句": "乙", "类": "同"}, {"句": "丙", "另一句": "丁", "类": "异"}]
    folder = write(tmp_path, train=rows, validation=rows, test=rows)
    splits = load_data(table(folder, "matching", text="句", text_pair="另一句", label="类")).splits
    assert splits["train"] == {"text": ["甲", "丙"], "text_pair": ["乙", "丁"], "label": [0, 1]}


def test_unlabelled_rows_need_no_label(tmp_path: Path) -> None:
    folder = write(written(tmp_path, "tagging"), unlabelled=[{"tokens": ["上", "海"]}])
    splits = load_data(table(folder, "tagging")).splits
    assert splits["unlabelled"] == {"tokens": [["上", "海"]]}
    write(folder, unlabelled=[{"tokens": ["上", ""]}])
    assert "unlabelled.jsonl, line 1: token 1 in column 'tokens' is empty" in complaint(table(folder, "tagging"))


GOOD = {"text": "好", "label": "pos"}


@pytest.mark.parametrize(
    ("split", "rows", "said"),
    [
        ("validation", [GOOD, GOOD | {"label": "meh"}], "line 2: 'meh' in column 'label' is not in train; expected"),
        ("train", [{"text": 17, "label": "pos"}], "line 1: column 'text' holds 17; expected: text"),
        ("test", [GOOD, {"text": " \t", "label": "pos"}], "line 2: no text in column 'text'"),
        ("test", [GOOD, {"label": "pos"}], "line 2: no text in column 'text'"),
        ("test", [GOOD, {"text": "好"}], "line 2: column 'label' holds None; expected: a string or a whole number"),
        ("train", [{"sentence": "好", "label": "pos"}], "has no column 'text' (task.text); found: sentence, label"),
        ("train", [{"text": "好", "stars": 5}], "(task.label); found: text, stars; set task.label to its name"),
        ("validation", [], "validation.jsonl: is empty"),
    ],
)  # fmt: skip
def test_bad_rows(split: str, rows: list[Any], said: str, tmp_path: Path) -> None:
    folder = write(written(tmp_path, "classification"), **{split: rows})
    found = complaint(table(folder))
    assert f"{split}.jsonl" in found
    assert said in found


def test_a_bad_second_text(tmp_path: Path) -> None:
    folder = write(written(tmp_path, "matching"), test=[{"text": "问", "text_pair": "", "label": 1}])
    assert "test.jsonl, line 1: no text in column 'text_pair'" in complaint(table(folder, "matching"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tokens": ["好", "书"], "label": ["O"]}, "line 2: 1 tags in column 'label' for 2 tokens"),
        ({"tokens": [], "label": []}, "line 2: no tokens in column 'tokens'"),
        (
            {"tokens": ["好"], "label": ["B-ORG"]},
            "line 2: 'B-ORG' in column 'label' is not in train; expected: O, B-LOC",
        ),
    ],
)
def test_bad_tags(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    folder = write(written(tmp_path, "tagging"), validation=[KINDS["tagging"][0], row])
    found = complaint(table(folder, "tagging"))
    assert "validation.jsonl" in found
    assert said in found


@pytest.mark.parametrize(
    ("labels", "keys", "said"),
    [
        (["pos", "neg", "pos "], {}, "line 3: 'pos ' in column 'label' differs from 'pos' by blanks, case, width or"),
        (["1.0", "0.0", "1"], {}, "line 3: '1' in column 'label' differs from '1.0' by blanks, case, width or number"),
        (["pos", "neg", "nan"], {}, "line 3: 'nan' in column 'label' stands for a missing label"),
        ([1, 0, "1"], {}, "line 3: column 'label' holds '1', and 1 in line 1; write all labels as texts or all"),
        ([1, 0, 2], {"labels": ["neg", "pos"]}, "line 3: column 'label' holds 2; expected: 0 to 1 (neg, pos)"),
        (["pos", "neg", "NEG"], {"labels": ["neg", "pos"]}, "line 3: 'NEG' in column 'label' differs from 'neg'"),
    ],
)
def test_labels_of_one_meaning(labels: list[Any], keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Cases c22."""
    rows = [{"text": f"第{n}行", "label": label} for n, label in enumerate(labels)]
    assert said in complaint(table(write(tmp_path, train=rows, validation=rows, test=rows), **keys))


def test_labels_of_one_meaning_in_two_splits(tmp_path: Path) -> None:
    folder = write(written(tmp_path, "classification"), test=[GOOD | {"label": "Pos"}])
    assert "'Pos' in column 'label' is not in train; expected: neg, pos, did you mean 'pos'?" in complaint(
        table(folder)
    )


def test_numbers_are_named_by_the_recipe(tmp_path: Path) -> None:
    """The model's own names for the numbers of the data; tags, too, may be numbers."""
    rows = [{"text": "好", "label": 1}, {"text": "差", "label": 0}]
    data = load_data(table(write(tmp_path / "texts", train=rows, validation=rows, test=rows), labels=["差评", "好评"]))
    assert (data.labels, data.splits["test"]["label"]) == (["差评", "好评"], [1, 0])
    assert data.remarks == ["the numbers in column 'label' are indices into task.labels: 0 is '差评', 1 is '好评'"]
    tags = [{"tokens": ["李", "鹏", "到"], "label": [1, 2, 0]}]
    folder, names = write(tmp_path / "tags", train=tags, validation=tags, test=tags), ["O", "B-PER", "I-PER", "B-LOC"]
    data = load_data(table(folder, "tagging", labels=names))
    assert (data.labels, data.splits["train"]["label"]) == (names, [[1, 2, 0]])
    assert "or a number if task.labels names the tags in order" in complaint(table(folder, "tagging"))


def test_a_column_whose_name_has_a_blank(tmp_path: Path) -> None:
    rows = [{"text": "好", " Label": "pos"}]
    said = complaint(table(write(tmp_path, train=rows, validation=rows, test=rows)))
    assert "has no column 'label', did you mean ' Label'? (task.label)" in said


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"task\.kind: unknown task .ranking. \(expected one of: classification, matching, tagging\)"
    ):
        load_data(table(written(tmp_path, "classification"), "ranking"))
