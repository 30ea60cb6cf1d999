"""Every way in which a cell can be wrong: the error names file, line and remedy; and labels as class ids."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.cells import (
    check_texts,
    check_token_column,
    class_ids,
    is_unicode,
    label_names,
    label_texts,
    tag_texts,
)
from pocketbert.compress.data.reading.table import Table

TABLE = Table("x.csv", {}, lambda row: f"line {row + 2}")
CLASSES = Table("x, split test", {}, classes={"label": ["pos", "neg"]})


def error_of(check: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(BadInput) as raised:
        check(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["好", None], "x.csv, line 3: no text in column 't'"),
        (["好", " \t"], "x.csv, line 3: no text in column 't'"),
        ([17], "x.csv, line 2: column 't' holds 17; expected: text"),
        (["17", "3.5"], "x.csv, line 2: column 't' holds '17', and only numbers below; expected: text"),
        (["好\ud83d"], "x.csv, line 2: column 't' holds half of a character: '好\\ud83d'"),
        ([["好"] * 20], f"x.csv, line 2: column 't' holds {str(['好'] * 20)[:39]}…; expected: text"),
    ],
)
def test_a_wrong_text(values: list[Any], said: str) -> None:
    assert error_of(check_texts, TABLE, "t", values) == said


def test_texts_of_which_some_are_numbers() -> None:
    assert check_texts(TABLE, "t", ["17", "好", "NA"]) == ["17", "好", "NA"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no tokens in column 't'"),
        ([], "no tokens in column 't'"),
        ("好书", "column 't' holds '好书'; expected: a list of strings"),
        (["好", 5], "token 1 in column 't' is 5; expected: text"),
        (["好", "\ude00"], "token 1 in column 't' is half of a character: '\\ude00'"),
        (["好", " "], "token 1 in column 't' is empty"),
    ],
)
def test_a_wrong_list_of_tokens(value: object, said: str) -> None:
    assert error_of(check_token_column, TABLE, "t", [["好"], value]) == f"x.csv, line 3: {said}"


@pytest.mark.parametrize("value", [None, " ", 0.5, "\ud83d", ["pos"]])
def test_a_wrong_label(value: object) -> None:
    said = f"x.csv, line 3: column 'label' holds {value!r}; expected: a string or a whole number"
    assert error_of(label_texts, TABLE, "label", ["pos", value]) == said


@pytest.mark.parametrize(("value", "said"), [(-1, "-1"), (2, "2"), (None, "None")])
def test_a_label_that_is_no_class_of_the_source(value: object, said: str) -> None:
    found = error_of(label_texts, CLASSES, "label", [0, value])
    assert found == f"x, split test, row 1 (from 0): column 'label' holds {said}; expected: 0 to 1 (pos, neg)"


def test_labels_as_strings() -> None:
    assert label_texts(TABLE, "label", [3, True, "好"]) == [["3"], ["True"], ["好"]]
    assert label_texts(CLASSES, "label", [1, 0, "neg"]) == [["neg"], ["pos"], ["neg"]]
    assert tag_texts(CLASSES, "label", [[1, 0]], [["好", "书"]]) == [["neg", "pos"]]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["O"], "1 tags in column 'label' for 2 tokens"),
        ("OO", "column 'label' holds 'OO'; expected: a list with a tag for every token"),
        (None, "column 'label' holds None; expected: a list with a tag for every token"),
        (
            ["O", 0],
            "tag 1 in column 'label' is 0; expected: a string, or a number if task.labels names the tags in order",
        ),
        (
            ["O", None],
            "tag 1 in column 'label' is None; expected: a string, or a number if task.labels names the tags in order",
        ),
    ],
)
def test_a_wrong_list_of_tags(value: object, said: str) -> None:
    found = error_of(tag_texts, TABLE, "label", [["O", "O"], value], [["好", "书"], ["好", "书"]])
    assert found == f"x.csv, line 3: {said}"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        (["b", "a", "O", "B-a"], ["O", "B-a", "a", "b"]),
        (["True", "False"], ["False", "True"]),
    ],
)
def test_the_order_of_the_names(labels: Sequence[str], names: list[str]) -> None:
    assert label_names([[label] for label in labels] * 2) == label_names([labels]) == names


def test_class_ids_are_indices_into_the_names() -> None:
    assert class_ids(TABLE, "label", [["b", "a"], ["a"]], ["a", "b"]) == [[1, 0], [0]]
    found = error_of(class_ids, TABLE, "label", [["a"], ["a", "c"]], ["a", "b"])
    assert found == "x.csv, line 3: 'c' in column 'label' is not in train; expected: a, b"


def test_half_of_a_character_is_not_unicode() -> None:
    assert is_unicode("好😀") and not is_unicode("\ud83d")
