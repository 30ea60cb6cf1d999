"""Labels that are one label to a person: refused with the label that was meant, or read by `task.labels`."""

from collections.abc import Sequence

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.labels import (
    check_labels,
    check_types,
    folded,
    meant_by,
    numbers_as_names,
    numbers_remark,
)
from pocketbert.compress.data.reading.table import Table

TABLE = Table("x.csv", {}, lambda row: f"line {row + 2}")


def checked(labels: Sequence[str], named: Sequence[str] = ()) -> str | None:
    try:
        check_labels(TABLE, "label", [[label] for label in labels], named)
    except BadInput as error:
        assert "\n" not in str(error)
        return str(error)
    return None


@pytest.mark.parametrize(
    "twins",
    [
        ("pos", "pos "),
        ("pos", "\u00a0pos"),
        ("pos", "pos\u200b"),
        ("pos", "\ufeffpos"),
        ("好", "好\ufe0f"),
        ("pos", "pos\u3164"),
        ("very good", "very  good"),
        ("pos", "Pos"),
        ("pos", "ｐｏｓ"),
        ("1", "1.0"),
        ("1", "１"),
        ("1", "01"),
        ("1", "+1"),
        ("0.5", ".50"),
        ("１．０", "1"),
    ],
)
def test_labels_that_differ_by_their_writing_alone(twins: tuple[str, str]) -> None:
    usual, rare = twins
    said = checked([usual, usual, "neg", rare])
    assert said == (
        f"x.csv, line 5: {rare!r} in column 'label' differs from {usual!r} by blanks, case, width or number form "
        f"alone, did you mean {usual!r}? Write both alike, or list both in task.labels"
    )
    assert checked([usual, usual, "neg", rare], named=[usual, rare, "neg"]) is None
    assert checked([usual, "neg", rare], named=["neg", usual]) is not None


def test_labels_that_are_different() -> None:
    for labels in (["pos", "neg"], ["1", "2", "1.5"], ["a-b", "ab"], ["O", "0"], ["B-PER", "I-PER"], ["正", "负"]):
        assert checked(labels) is None
    long_numbers = ["1234567890123456789", "1234567890123456788"]
    assert checked(long_numbers) is None, "equal as floating-point numbers"
    assert folded("1e3") == folded("1000")


@pytest.mark.parametrize("label", ["nan", "NaN", "None", "NULL", "null", "N/A", "NA", "<NA>", "-", "—", " ", "\u200b"])
def test_a_word_for_a_missing_label(label: str) -> None:
    said = checked(["pos", "neg", label])
    assert said is not None
    assert said.startswith(f"x.csv, line 4: {label!r} in column 'label' stands for a missing label; remove the row or ")
    assert said.endswith("if it is a label, list all labels in task.labels")
    assert checked(["pos", label], named=["pos", label]) is None


def test_tags_are_labels_too() -> None:
    with pytest.raises(BadInput, match=r"line 3: 'B-per' in column 'tags' differs from 'B-PER' .* did you mean"):
        check_labels(TABLE, "tags", [["B-PER", "O", "B-PER"], ["O", "B-per"]], ())
    with pytest.raises(BadInput, match="line 2: 'nan' in column 'tags' stands for a missing label"):
        check_labels(TABLE, "tags", [["O", "nan"]], ())


def test_classes_of_the_source_are_believed() -> None:
    declared = Table("x", {}, classes={"label": ["a", "A", "none"]})
    check_labels(declared, "label", [["a"], ["A"], ["none"]], ())


def test_the_label_that_was_meant() -> None:
    assert meant_by("Pos ", ["neg", "pos"]) == ", did you mean 'pos'?"
    assert meant_by("meh", ["neg", "pos"]) == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, "0", 1], "line 3: column 'label' holds '0', and 1 in line 2; write all labels as texts or all as whole"),
        (["a", True], "line 3: column 'label' holds True, and 'a' in line 2"),
        ([1, True], "line 3: column 'label' holds True, and 1 in line 2"),
    ],
)
def test_labels_of_several_types(values: list[object], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        check_types(TABLE, "label", values)
    assert said in str(raised.value)
    for alike in ([1, 0], ["1", "0"], [True, False], [None, 1], []):
        check_types(TABLE, "label", alike)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([0, 1, 1], [0, 1, 1]),
        (["0", "1"], [0, 1]),
        ([[0, 1], [1]], [[0, 1], [1]]),
        ([["0"], ["1"]], [[0], [1]]),
        (["neg", "pos"], None),
        ([0, "pos"], None),
        ([True, False], None),
        ([[0, "O"]], None),
        ([], None),
    ],
)
def test_numbers_take_the_names_of_the_recipe(values: list[object], numbers: list[object] | None) -> None:
    table = Table("x", {"label": values})
    found = numbers_as_names(table, "label", ("neg", "pos"))
    if numbers is None:
        assert found is table
    else:
        assert (found.columns["label"], found.classes) == (numbers, {"label": ("neg", "pos")})
    assert numbers_as_names(table, "label", ()) is table
    assert numbers_as_names(table, "label", ("1", "0")) is table, "these are the labels themselves"


def test_the_reading_of_numbers_is_told() -> None:
    assert numbers_remark("label", ("neg", "pos")) == (
        "the numbers in column 'label' are indices into task.labels: 0 is 'neg', 1 is 'pos'"
    )
