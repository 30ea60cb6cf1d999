"""The columns of texts, labels and tags, by name and by content."""

from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table
from pocketbert.compress.pipeline.init.columns import Columns, find_columns

TEXTS = [f"这是第{n}条评论" for n in range(40)]
LABELS = ["差", "好"] * 20


def found(classes: dict[str, list[str]] | None = None, **columns: list[Any]) -> Columns:
    return find_columns(Table("rows.csv", columns, classes=classes or {}))


def test_usual_names_and_any_names() -> None:
    assert found(label=LABELS, text=TEXTS) == Columns("classification", {"text": "text", "label": "label"})
    assert found(编号=[str(n) for n in range(40)], 评价=TEXTS, 正负=LABELS) == Columns(
        "classification", {"text": "评价", "label": "正负"}
    )


def test_numbers_are_labels_and_no_texts() -> None:
    numbers = [str(n % 2) for n in range(40)]
    assert found(id=list(range(40)), review=TEXTS, label=numbers).names == {"text": "review", "label": "label"}
    assert found(text=TEXTS, stars=[n % 5 for n in range(40)]).names["label"] == "stars"


def test_a_usual_name_decides_between_several_columns() -> None:
    assert found(title=TEXTS, content=TEXTS, topic=LABELS, label=LABELS).names == {"text": "content", "label": "label"}


def test_pairs_of_texts() -> None:
    assert found(sentence1=TEXTS, sentence2=TEXTS, label=LABELS) == Columns(
        "matching", {"text": "sentence1", "text_pair": "sentence2", "label": "label"}
    )


def test_lists_of_tokens_and_tags() -> None:
    tokens, tags = [["在", "北", "京"]] * 4, [["O", "B-LOC", "I-LOC"]] * 4
    assert found(tokens=tokens, ner_tags=tags) == Columns("tagging", {"tokens": "tokens", "label": "ner_tags"})
    numbers = [[0, 1, 2]] * 4
    assert found(id=list("abcd"), chars=tokens, pos_tags=[[4, 5, 6]] * 4, ner_tags=numbers).names == {
        "tokens": "chars",
        "label": "ner_tags",
    }
    assert found(x=[["甲", "乙"], ["丙", "丁"]], y=[["O", "B"], ["O", "O"]]).names == {"tokens": "x", "label": "y"}


def test_a_bad_row_of_tags_does_not_hide_the_columns() -> None:
    """The reader of the rows names it by file and line."""
    tokens, tags = [["在", "北", "京"]] * 4, [["O", "B-LOC", "I-LOC"]] * 3
    for bad in (["O"], None):
        assert found(tokens=tokens, ner_tags=[*tags, bad]).names == {"tokens": "tokens", "label": "ner_tags"}


def test_a_query_and_a_title_are_a_pair() -> None:
    assert found(query=TEXTS, title=TEXTS[::-1], label=LABELS).kind == "matching"


def test_rows_sorted_by_label_are_seen_as_a_whole() -> None:
    many = [f"第{n}条" for n in range(9000)]
    assert found(text=many, label=["a"] * 8000 + ["b"] * 1000).names["label"] == "label"


def test_classes_of_the_source_are_labels_however_many() -> None:
    assert found({"kind": [f"c{n}" for n in range(40)]}, text=TEXTS, kind=list(range(40))).names["label"] == "kind"


def test_what_cannot_be_told() -> None:
    for columns, said in (
        ({"a": LABELS, "b": LABELS, "text": TEXTS}, "which column holds the labels? a, b; call that column 'label'"),
        (
            {"a": TEXTS, "b": TEXTS, "label": LABELS},
            "the texts? a, b; call that column 'text'; call those of sentence pairs 'text' and 'text_pair'",
        ),
        ({"text": TEXTS}, "no column holds labels; found: text; call that column 'label'"),
        ({"label": LABELS, "n": list(range(40))}, "no column holds texts; found: label, n; call that column 'text'"),
    ):
        with pytest.raises(BadInput) as raised:
            found(**columns)  # type: ignore[arg-type]
        assert said in str(raised.value)
