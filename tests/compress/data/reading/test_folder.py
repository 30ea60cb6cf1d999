"""The files that make a dataset, and the errors about other files."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.folder import read_folder

LINE = '{"text": "好", "label": "a"}\n'


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text(LINE, encoding="utf-8")
    return folder


def complaint(folder: Path, lists: bool = False) -> str:
    with pytest.raises(BadInput) as raised:
        read_folder(folder, lists)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_files_of_the_splits_and_no_others(tmp_path: Path) -> None:
    files(tmp_path, "train.jsonl", "validation.json", "test.jsonl", "unlabelled.jsonl", "notes.csv")
    assert set(read_folder(tmp_path, lists=True)) == {"train", "validation", "test", "unlabelled"}


def test_a_missing_split(tmp_path: Path) -> None:
    found = complaint(files(tmp_path, "train.jsonl", "test.jsonl"))
    assert "validation is missing; found: test.jsonl, train.jsonl; expected: a folder with train, validation" in found


@pytest.mark.parametrize(
    "names", [("train.csv", "validation.jsonl", "test.csv"), ("train.csv", "train.jsonl", "validation.csv", "test.csv")]
)
def test_mixed_formats_and_a_split_twice(names: tuple[str, ...], tmp_path: Path) -> None:
    assert "expected: one file per split, all of one format" in complaint(files(tmp_path, *names))


def test_another_format(tmp_path: Path) -> None:
    assert ".csv, .jsonl or .parquet" in complaint(files(tmp_path, "train.tsv", "validation.tsv", "test.tsv"))


def test_lists_cannot_stand_in_a_csv(tmp_path: Path) -> None:
    found = complaint(files(tmp_path, "train.csv", "validation.csv", "test.csv"), lists=True)
    assert "a CSV cannot hold the lists of this task; use .jsonl or .parquet" in found


def test_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    assert "is one file; add hold_out = { validation = 0.1, test = 0.1 } to [task], or name a folder" in complaint(
        files(tmp_path, "train.jsonl") / "train.jsonl"
    )
    assert "is a file; expected one that ends in .csv, .json, .jsonl, .parquet" in complaint(
        files(tmp_path, "train.tsv") / "train.tsv"
    )
    (tmp_path / "empty").mkdir()
    assert "expected: a folder with train" in complaint(tmp_path / "empty")


def test_the_rows_of_one_file_are_train_if_the_others_are_taken_from_it(tmp_path: Path) -> None:
    file = files(tmp_path, "rows.jsonl") / "rows.jsonl"
    tables = read_folder(file, lists=False, splits={"validation": "train", "test": "train"})
    assert {split: list(table.columns["text"]) for split, table in tables.items()} == {"train": ["好"]}
    with pytest.raises(BadInput, match="a CSV cannot hold the lists"):
        read_folder(files(tmp_path, "rows.csv") / "rows.csv", True, splits={"validation": "train", "test": "train"})


def test_a_snapshot_of_a_hub_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "hub" / "data").mkdir(parents=True)
    for split in ("train", "validation", "test"):
        table = datasets.Dataset.from_dict({"text": [split], "label": ["a"]})
        table.to_parquet(tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet")
    tables = read_folder(tmp_path / "hub", lists=False)
    assert {split: list(table.columns["text"]) for split, table in tables.items()} == {
        split: [split] for split in ("train", "validation", "test")
    }
