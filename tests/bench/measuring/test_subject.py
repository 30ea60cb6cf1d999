from pathlib import Path
from typing import Any

import pytest

from pocketbert.bench.measuring.subject import load_rows
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import open_task
from tests.support.manifests import write_columns

TEXTS, TAGS = open_task("classification", ["neg", "pos"], 16), open_task("tagging", ["O", "B-X"], 16)


@pytest.mark.parametrize("labels", [["neg", "pos"], [0, None], [0.0, 1.0], [0, 2], [[0], [1]]], ids=str)
def test_a_label_that_is_none_is_one_line(tmp_path: Path, labels: list[Any]) -> None:
    write_columns(tmp_path / "test.jsonl", {"text": ["a", "b"], "label": labels})
    with pytest.raises(BadInput, match=r"label .*; expected: 0 to 1 \(neg, pos\)"):
        load_rows(tmp_path / "test.jsonl", TEXTS)


@pytest.mark.parametrize("labels", [[[0], [1, 0]], [[0, 1], None], [[0, None], [0, 0]]], ids=str)
def test_a_row_of_tags_has_one_for_each_token(tmp_path: Path, labels: list[Any]) -> None:
    """Or every later row would be scored against the wrong words."""
    write_columns(tmp_path / "test.jsonl", {"tokens": [["a", "b"], ["c", "d"]], "label": labels})
    with pytest.raises(BadInput, match="expected: "):
        load_rows(tmp_path / "test.jsonl", TAGS)


def test_rows_that_are_in_train_too(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "label": [0, 1]}
    write_columns(tmp_path / "test.jsonl", columns)
    plain = load_rows(tmp_path / "test.jsonl", TEXTS)
    assert plain.in_train == []
    write_columns(tmp_path / "test.jsonl", columns | {"in_train": [True, False]})
    marked = load_rows(tmp_path / "test.jsonl", TEXTS)
    assert (marked.in_train, marked.sha256) == ([True, False], plain.sha256)
    write_columns(tmp_path / "test.jsonl", columns | {"in_train": [1, 0]})
    with pytest.raises(BadInput, match="line 1: in_train is 1; allowed: true, false"):
        load_rows(tmp_path / "test.jsonl", TEXTS)


def test_rows_that_decide_nothing(tmp_path: Path) -> None:
    for labels, said in (([0, 1], ""), ([1, 1], "all have the label 'pos'")):
        write_columns(tmp_path / "test.jsonl", {"text": ["a", "b"], "label": labels})
        assert load_rows(tmp_path / "test.jsonl", TEXTS).undecided == said
    for tags, said in (([[0, 1]], ""), ([[0, 0]], "hold no entity")):
        write_columns(tmp_path / "test.jsonl", {"tokens": [["a", "b"]], "label": tags})
        assert load_rows(tmp_path / "test.jsonl", TAGS).undecided == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows"),
        (b"PAR1\xff\xfe", r"expected: JSON Lines in UTF-8, one object per row; build again"),
        (b'{"text": "a", "label": 0}\n[]\n', "line 2: expected: JSON Lines"),
        (b'{"text": "a", "label": 0}\n{"text": "\\ud800", "label": 0}\n', "line 2: expected: JSON Lines"),
        (b'{"text": "a", "label": 0, "label": 1}\n', "line 1: an object has the key 'label' twice; keep one of them"),
        (b'{"text": "a", "label": 0}\n{"sentence": "a", "label": 0}\n', "line 2: no key 'text'; keys: sentence, label"),
    ],
    ids=["empty", "parquet", "list", "half", "twice", "key"],
)
def test_a_file_of_other_rows_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "test.jsonl").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        load_rows(tmp_path / "test.jsonl", TEXTS)


def test_a_text_may_hold_any_character(tmp_path: Path) -> None:
    texts = ["one\r\ntwo\u2028three\x85", '"\\"']
    write_columns(tmp_path / "test.jsonl", {"text": texts, "label": [0, 1]})
    assert load_rows(tmp_path / "test.jsonl", TEXTS).columns["text"] == texts
