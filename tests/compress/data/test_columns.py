"""What each kind of task gets, and every way in which a row can be wrong: the complaint names file, line and remedy."""

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
    """A folder whose three splits are the two rows of that kind."""
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
    """A model that was fine-tuned elsewhere counts them as its makers did."""
    folder = written(tmp_path, "classification")
    for order, numbers in (("neg", "pos"), [1, 0]), (("pos", "neg"), [0, 1]):
        train = load_data(table(folder, labels=order)).splits["train"]
        assert (tuple(train.features["label"].names), train["label"][:]) == (order, numbers)
    assert "legal for" in complaint(table(folder, labels=["pos", "neutral"]))
    assert "neg, pos, in any order" in complaint(table(folder, labels=["pos", "pos"]))
    with pytest.raises(BadInput, match=r"task\.labels: builtin:reviews has an order of its own"):
        load_data(TaskTable(dataset="builtin:reviews", labels=("pos", "neg")))


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_a_kind(kind: str, tmp_path: Path) -> None:
    splits = load_data(table(written(tmp_path, kind), kind)).splits
    assert set(splits) == {"train", "validation", "test"}
    for split in splits.values():
        assert set(split.column_names) == COLUMNS[kind]


def test_what_stands_in_them(tmp_path: Path) -> None:
    labels = load_data(table(written(tmp_path, "classification"))).splits["train"]
    assert labels.features["label"].names == ["neg", "pos"]
    assert labels["label"][:] == [1, 0]
    tags = load_data(table(written(tmp_path, "tagging"), "tagging")).splits["test"]
    assert tags.features["label"].feature.names == ["O", "B-LOC", "B-PER", "I-PER"]
    assert tags[0] == {"tokens": ["李", "鹏", "到"], "label": [2, 3, 0]}


def test_columns_are_found_by_the_recipe_s_names(tmp_path: Path) -> None:
    rows = [{"句": "甲", "另一句": "乙", "类": "同"}, {"句": "丙", "另一句": "丁", "类": "异"}]
    folder = write(tmp_path, train=rows, validation=rows, test=rows)
    splits = load_data(table(folder, "matching", text="句", text_pair="另一句", label="类")).splits
    assert splits["train"][0] == {"text": "甲", "text_pair": "乙", "label": 0}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, -1], ["-1", "9", "10"]),
        (["10", "9"], ["9", "10"]),
        (["b", "a", "O"], ["O", "a", "b"]),
        ([True, False], ["False", "True"]),
    ],
)
def test_order_of_the_names(labels: list[Any], names: list[str], tmp_path: Path) -> None:
    rows = [{"text": "好", "label": label} for label in labels]
    splits = load_data(table(write(tmp_path, train=rows, validation=rows, test=rows))).splits
    assert splits["train"].features["label"].names == names
    assert splits["train"]["label"][:] == [names.index(str(label)) for label in labels]


def test_unlabelled_rows_need_no_label(tmp_path: Path) -> None:
    folder = write(written(tmp_path, "tagging"), unlabelled=[{"tokens": ["上", "海"]}])
    splits = load_data(table(folder, "tagging")).splits
    assert splits["unlabelled"].column_names == ["tokens"]
    assert list(splits["unlabelled"]["tokens"]) == [["上", "海"]]
    write(folder, unlabelled=[{"tokens": ["上", ""]}])
    assert "unlabelled.jsonl, line 1: token 1 in column 'tokens' is empty" in complaint(table(folder, "tagging"))


GOOD = {"text": "好", "label": "pos"}


@pytest.mark.parametrize(
    ("split", "rows", "said"),
    [
        ("validation", [GOOD, GOOD | {"label": "meh"}], "line 2: 'meh' in column 'label' is not in train; legal: neg"),
        ("train", [{"text": 17, "label": "pos"}], "line 1: column 'text' holds 17; legal: text"),
        ("train", [GOOD | {"text": "17"}, GOOD | {"text": "3.5"}], "line 1: column 'text' holds '17', and only number"),
        ("test", [GOOD, {"text": " \t", "label": "pos"}], "line 2: no text in column 'text'"),
        ("test", [GOOD, {"text": None, "label": "pos"}], "line 2: no text in column 'text'"),
        ("test", [GOOD, {"label": "pos"}], "line 2: no text in column 'text'"),
        ("test", [GOOD, {"text": "好"}], "line 2: column 'label' holds None; legal: a string or a whole number"),
        ("test", [GOOD, {"text": "好", "label": " "}], "line 2: column 'label' holds ' '"),
        ("train", [GOOD, {"text": "好", "label": 0.5}], "line 2: column 'label' holds 0.5"),
        ("train", [{"sentence": "好", "label": "pos"}], "has no column 'text' (task.text); found: sentence, label"),
        ("train", [{"text": "好", "stars": 5}], "has no column 'label' (task.label); found: text, stars"),
        ("test", [GOOD, {"text": "好\ud83d", "label": "pos"}], "line 2: column 'text' holds half of a character: '好"),
        ("train", [GOOD, {"text": "好", "label": "\ud83d"}], "line 2: column 'label' holds '\\ud83d'; legal: a string"),
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
        ({"tokens": ["好"], "label": [0]}, "line 2: tag 0 in column 'label' is 0; legal: a string"),
        ({"tokens": ["好", "书"], "label": ["O", None]}, "line 2: tag 1 in column 'label' is None; legal: a string"),
        (
            {"tokens": ["好"], "label": "O"},
            "line 2: column 'label' holds 'O'; legal: a list with a tag for every token",
        ),
        ({"tokens": ["好"], "label": None}, "line 2: column 'label' holds None"),
        ({"tokens": ["好", " "], "label": ["O", "O"]}, "line 2: token 1 in column 'tokens' is empty"),
        ({"tokens": ["好", 5], "label": ["O", "O"]}, "line 2: token 1 in column 'tokens' is 5; legal: text"),
        ({"tokens": ["\ude00"], "label": ["O"]}, "line 2: token 0 in column 'tokens' is half of a character"),
        ({"tokens": [], "label": []}, "line 2: no tokens in column 'tokens'"),
        ({"tokens": "好书", "label": ["O"]}, "line 2: column 'tokens' holds '好书'; legal: a list of strings"),
        ({"tokens": ["好"], "label": ["B-ORG"]}, "line 2: 'B-ORG' in column 'label' is not in train; legal: O, B-LOC"),
    ],
)
def test_bad_tags(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    folder = write(written(tmp_path, "tagging"), validation=[KINDS["tagging"][0], row])
    found = complaint(table(folder, "tagging"))
    assert "validation.jsonl" in found
    assert said in found


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"task\.kind: unknown task .ranking. \(legal: classification, matching, tagging\)"
    ):
        load_data(table(written(tmp_path, "classification"), "ranking"))
