"""Which file or split of a dataset is which, and which splits have to be taken from train."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.init.dataset import find_dataset

ROW = '{"text": "好", "label": "a"}\n'
BOTH = {"test": 0.1, "validation": 0.1}


def files(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(ROW, encoding="utf-8")
    return folder


def test_a_folder_with_the_three_splits_needs_nothing(tmp_path: Path) -> None:
    found = find_dataset(str(files(tmp_path, "train.jsonl", "validation.jsonl", "test.jsonl", "notes.json")))
    assert (found.source, found.splits, found.hold_out) == (str(tmp_path), {}, {})
    assert list(found.train.columns) == ["text", "label"]


def test_other_names_of_splits_and_missing_ones(tmp_path: Path) -> None:
    found = find_dataset(str(files(tmp_path, "train.jsonl", "dev.jsonl")))
    assert (found.splits, found.hold_out) == ({"validation": "dev"}, {"test": 0.1})
    assert find_dataset(str(files(tmp_path / "b", "training.jsonl", "test.jsonl"))).splits == {"train": "training"}


@pytest.mark.parametrize("folder", [False, True])
def test_one_file_alone_or_in_a_folder_is_split(tmp_path: Path, folder: bool) -> None:
    file = files(tmp_path, "my-reviews.jsonl") / "my-reviews.jsonl"
    found = find_dataset(str(tmp_path if folder else file))
    assert (found.source, found.splits, found.hold_out) == (str(file), {}, BOTH)


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no training rows; found: dev, test; call the training rows 'train'"):
        find_dataset(str(files(tmp_path, "dev.jsonl", "test.jsonl")))
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"rows\.xlsx: expected a file that ends in \.csv, \.json, \.jsonl, \.parquet"):
        find_dataset(str(tmp_path / "rows.xlsx"))
