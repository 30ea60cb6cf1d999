"""Validation and test rows taken from one file: the same rows in any order, whole texts, every label."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import Data, load_data
from pocketbert.compress.data.settings import TaskTable
from tests.support.datasets import write

ROWS = [{"text": f"第{n}行", "label": "ab"[n % 5 == 0]} for n in range(200)]


def split(folder: Path, rows: list[Any], **keys: Any) -> Data:
    """Load rows in one file, of which a tenth each is held out."""
    folder.mkdir(exist_ok=True)
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_data(
        TaskTable.model_validate({"dataset": str(file), "hold_out": {"validation": 0.1, "test": 0.1}} | keys)
    )


def texts(data: Data) -> dict[str, set[str]]:
    return {name: set(columns["text"]) for name, columns in data.splits.items()}


def test_every_row_is_in_one_split_and_labels_keep_their_shares(tmp_path: Path) -> None:
    data = split(tmp_path, ROWS)
    assert {name: len(columns["text"]) for name, columns in data.splits.items()} == {
        "train": 160,
        "validation": 20,
        "test": 20,
    }
    assert set.union(*texts(data).values()) == {row["text"] for row in ROWS}
    assert [sum(data.splits[name]["label"]) for name in ("train", "validation", "test")] == [32, 4, 4]
    assert "validation is 10 % of the texts of train, by a hash of the text: 20 rows" in data.remarks


def test_the_order_of_the_file_has_no_influence_even_if_it_is_sorted_by_label(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))  # noqa: S311
    by_label = sorted(ROWS, key=lambda row: row["label"])
    assert split(tmp_path, shuffled).splits == split(tmp_path, by_label).splits


def test_more_rows_and_another_share_move_few_others(tmp_path: Path) -> None:
    before = texts(split(tmp_path, ROWS))
    more = texts(split(tmp_path, [*ROWS, *({"text": f"新{n}", "label": "a"} for n in range(20))]))
    assert len(before["test"] & more["test"]) >= 18
    assert texts(split(tmp_path, ROWS, hold_out={"test": 0.1, "validation": 0.3}))["test"] == before["test"]


def test_rows_with_one_text_stay_together_under_whatever_label(tmp_path: Path) -> None:
    twice = [*ROWS, *({"text": f" {row['text']}", "label": "b"} for row in ROWS)]
    found = [{text.strip() for text in names} for names in texts(split(tmp_path, twice)).values()]
    assert sum(map(len, found)) == len(ROWS)
    assert [{text.strip() for text in names} for names in texts(split(tmp_path, twice[::-1])).values()] == found


def test_a_rare_label_is_in_every_split_if_it_can_be(tmp_path: Path) -> None:
    rare = [{"text": f"少{n}", "label": "c"} for n in range(3)]
    data = split(tmp_path, [*ROWS, *rare, {"text": "独", "label": "d"}])
    c, d = data.labels.index("c"), data.labels.index("d")
    assert [columns["label"].count(c) for columns in data.splits.values()] == [1, 1, 1]
    assert [columns["label"].count(d) for columns in data.splits.values()] == [1, 0, 0]


def test_a_missing_split_of_a_folder_and_one_that_is_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "rows", train=ROWS, test=ROWS[:4])
    data = load_data(TaskTable(dataset=str(folder), hold_out={"validation": 0.2}))
    assert len(data.splits["validation"]["text"]) == 40
    assert data.splits["test"]["text"] == [row["text"] for row in ROWS[:4]]
    with pytest.raises(BadInput, match=r"task\.hold_out\.test: the dataset has a test split already; remove this key"):
        load_data(TaskTable(dataset=str(folder), hold_out={"validation": 0.2, "test": 0.2}))


def test_tags_and_pairs(tmp_path: Path) -> None:
    tagged = [{"tokens": ["在", f"京{n}"], "label": ["O", "B-LOC" if n % 2 else "O"]} for n in range(20)]
    data = split(tmp_path, tagged, kind="tagging")
    assert [sum(map(any, columns["label"])) for columns in data.splits.values()] == [8, 1, 1]
    pairs = [{"text": "一", "text_pair": f"二{n}", "label": "ab"[n % 2]} for n in range(20)]
    assert len(split(tmp_path, pairs, kind="matching").splits["train"]["text"]) == 16


def test_a_pair_in_both_orders_is_in_one_split(tmp_path: Path) -> None:
    pairs = [{"text": f"问{n}", "text_pair": f"答{n}", "label": "ab"[n % 2]} for n in range(100)]
    swapped = [row | {"text": row["text_pair"], "text_pair": row["text"]} for row in pairs]
    data = split(tmp_path, [*pairs, *swapped], kind="matching")
    for columns in data.splits.values():
        there = set(zip(columns["text"], columns["text_pair"], strict=True))
        assert there == {(second, first) for first, second in there}


def test_a_wrong_row_and_a_missing_column_are_named_as_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"rows\.jsonl', taken as \w+, line 8: no text"):
        split(tmp_path, [*ROWS[:7], {"text": "", "label": "a"}, *ROWS[8:]])
    with pytest.raises(BadInput, match=r"has no column 'text' .*found: words, label"):
        split(tmp_path, [{"words": row["text"], "label": row["label"]} for row in ROWS])
