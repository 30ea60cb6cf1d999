"""A split as it was read: rows keep their places, and columns that nobody needs stay unread."""

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table


class Unread(list[object]):
    """A column that must not be read, as one of pictures."""

    def __getitem__(self, at: object) -> object:  # type: ignore[override]
        raise AssertionError("read")


def test_columns_that_no_task_needs_are_not_read() -> None:
    table = Table("here", {"text": ["a", "b"], "image": Unread([1, 2])})
    assert list(table.part("test", 1, 2).columns["text"]) == ["b"]


def test_a_part_has_its_rows_and_their_places() -> None:
    table = Table(
        "x.csv", {"text": list("abcd"), "label": [0, 1, 0, 1]}, lambda row: f"line {row + 2}", {"label": "xy"}
    )
    part = table.part("validation", 1, 3)
    assert (len(table), len(part)) == (4, 2)
    assert {name: list(values) for name, values in part.columns.items()} == {"text": ["b", "c"], "label": [1, 0]}
    assert part.columns["text"][-1] == "c"
    assert part.classes == table.classes
    assert str(part.row_error(1, "is wrong")) == "x.csv, taken as validation, line 4: is wrong"


def test_a_table_without_columns_is_empty() -> None:
    assert len(Table("here", {})) == 0


def test_a_dataset_keeps_its_classes() -> None:
    from datasets import ClassLabel, Dataset, Features, List, Value

    features = Features(
        {"text": Value("string"), "a": ClassLabel(names=["x", "y"]), "b": List(ClassLabel(names=["z"]))}
    )
    table = Table.of_dataset("here", Dataset.from_dict({"text": ["好"], "a": [1], "b": [[0]]}, features=features))
    assert table.classes == {"a": ["x", "y"], "b": ["z"]}
    assert {name: list(values) for name, values in table.columns.items()} == {"text": ["好"], "a": [1], "b": [[0]]}
    assert str(table.row_error(0, "is wrong")) == "here, row 0 (from 0): is wrong"


def test_texts_that_are_no_unicode() -> None:
    """Arrow checks the bytes of a text only when it is read."""
    import pyarrow
    from datasets import Dataset

    column = pyarrow.Array.from_buffers(
        pyarrow.string(), 1, [None, pyarrow.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0])), pyarrow.py_buffer(b"\xff\xfe")]
    )
    table = Table.of_dataset("here", Dataset(pyarrow.table({"text": column})))
    with pytest.raises(BadInput, match="here: column 'text' holds texts that are not UTF-8"):
        table.values("text")
    assert table.values("label") == []


def test_rows_of_a_data_set_are_read_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, a column of a million rows takes minutes, and each split that is held out reads it again."""
    from datasets import Column, Dataset

    def one_by_one(self: object) -> object:
        raise AssertionError("read row by row")

    monkeypatch.setattr(Column, "__iter__", one_by_one)
    table = Table.of_dataset("here", Dataset.from_dict({"text": list("abcd")}))
    assert table.values("text") == list("abcd")
    assert table.chosen("test", [2, 0]).values("text") == ["c", "a"]
    assert table.part("test", 1, 3).values("text") == ["b", "c"]
    real, sliced = Column.__getitem__, list[object]()
    monkeypatch.setattr(Column, "__getitem__", lambda self, at: sliced.append(at) or real(self, at))
    assert [table.columns["text"][row] for row in (3, 0)] == ["d", "a"]
    assert sliced == [3, 0], "one value alone, not the column"
