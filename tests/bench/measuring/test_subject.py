from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pocketbert.bench.measuring.subject import load_rows
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import open_task

TEXTS, TAGS = open_task("classification", ["neg", "pos"], 16), open_task("tagging", ["O", "B-X"], 16)


@pytest.mark.parametrize("labels", [["neg", "pos"], [0, None], [0.0, 1.0], [0, 2], [[0], [1]]], ids=str)
def test_a_label_that_is_none_is_one_line(tmp_path: Path, labels: list[Any]) -> None:
    parquet.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "test.parquet")
    with pytest.raises(BadInput, match=r"label .*; expected: 0 to 1 \(neg, pos\)"):
        load_rows(tmp_path / "test.parquet", TEXTS)


@pytest.mark.parametrize("labels", [[[0], [1, 0]], [[0, 1], None], [[0, None], [0, 0]]], ids=str)
def test_a_row_of_tags_has_one_for_each_token(tmp_path: Path, labels: list[Any]) -> None:
    """Or every later row would be scored against the wrong words."""
    table = pa.table({"tokens": [["a", "b"], ["c", "d"]], "label": labels})
    parquet.write_table(table, tmp_path / "test.parquet")
    with pytest.raises(BadInput, match="expected: "):
        load_rows(tmp_path / "test.parquet", TAGS)


def test_rows_that_are_in_train_too(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "label": [0, 1]}
    parquet.write_table(pa.table(columns), tmp_path / "test.parquet")
    plain = load_rows(tmp_path / "test.parquet", TEXTS)
    assert plain.in_train == []
    parquet.write_table(pa.table(columns | {"in_train": [True, False]}), tmp_path / "test.parquet")
    marked = load_rows(tmp_path / "test.parquet", TEXTS)
    assert (marked.in_train, marked.sha256) == ([True, False], plain.sha256)
    parquet.write_table(pa.table(columns | {"in_train": [1, 0]}), tmp_path / "test.parquet")
    with pytest.raises(BadInput, match="in_train is 1; expected: true or false in every row"):
        load_rows(tmp_path / "test.parquet", TEXTS)


def test_rows_that_decide_nothing(tmp_path: Path) -> None:
    for labels, said in (([0, 1], ""), ([1, 1], "all have the label 'pos'")):
        parquet.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "test.parquet")
        assert load_rows(tmp_path / "test.parquet", TEXTS).undecided == said
    for tags, said in (([[0, 1]], ""), ([[0, 0]], "hold no entity")):
        parquet.write_table(pa.table({"tokens": [["a", "b"]], "label": tags}), tmp_path / "test.parquet")
        assert load_rows(tmp_path / "test.parquet", TAGS).undecided == said
