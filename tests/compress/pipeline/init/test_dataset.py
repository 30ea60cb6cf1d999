"""Which file or split of a dataset is which, and which splits have to be taken from train."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.init.dataset import as_given, find_dataset

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


@pytest.mark.parametrize("given", ["nothing.csv", "folder/nothing.jsonl", "./nothing", "/nowhere/at/all", "a/b/c"])
def test_a_path_where_there_is_nothing(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as refused:
        find_dataset(given)
    assert str(refused.value) == (
        f"--data {given}: no such file or folder; give a file that ends in .csv, .json, .jsonl, .parquet, "
        "a folder of them, or an id on Hugging Face Hub (owner/name)"
    )


def test_a_name_that_is_neither_here_nor_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"^--data nothing: no such file or folder, and not available from Hugging Face"):
        find_dataset("nothing")
    with pytest.raises(BadInput, match=r"^--data owner/nothing: .*not available from Hugging Face Hub"):
        find_dataset("owner/nothing")
    with pytest.raises(BadInput, match=r"^--data text is a loader of the datasets library, not a dataset"):
        find_dataset("text")


def test_a_folder_without_splits_is_listed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    expected = (
        r"; expected files named train, validation and test \(.csv, .json, .jsonl or .parquet\); only train is req"
    )
    found = r"no training rows; it is a model's folder; found: config\.json"
    with pytest.raises(BadInput, match=f"^--data {tmp_path}: {found}{expected}"):
        find_dataset(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BadInput, match=f"^--data {tmp_path}: {found}, tokenizer.json{expected}"):
        find_dataset(str(tmp_path))
    for name, text in {"a": "{", "b": "["}.items():
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / f"other/{name}.json").write_text(text)
    with pytest.raises(BadInput, match=f"^--data {tmp_path}/other: no training rows; found: a.json, b.json{expected}"):
        find_dataset(str(tmp_path / "other"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=f"^--data {tmp_path}/empty: no training rows; found: no file{expected}"):
        find_dataset(str(tmp_path / "empty"))


def test_a_file_without_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.touch()
    rows = "expected column names and one row per example"
    with pytest.raises(BadInput, match=f"^--data {file}: is empty; {rows}"):
        find_dataset(str(file))
    file.write_text("text,label\n")
    with pytest.raises(BadInput, match=f"^--data {file}: has column names, but no rows; {rows}"):
        find_dataset(str(file))
    file.rename(tmp_path / "train.csv")
    with pytest.raises(BadInput, match=f"^--data {tmp_path}, train.csv: has column names, but no rows; {rows}"):
        find_dataset(str(tmp_path))


def test_a_folder_as_on_the_hub_begins_with_the_option(tmp_path: Path) -> None:
    files(tmp_path, "train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl")
    assert find_dataset(str(tmp_path)).train.where == f"--data {tmp_path}, split train"
    (tmp_path / "train-00001-of-00002.jsonl").write_text("{")
    with pytest.raises(BadInput, match=f"^--data {tmp_path}, train-00001-of-00002.jsonl, line 1, column 2: is not"):
        find_dataset(str(tmp_path))


def test_an_error_names_the_option_in_place_of_the_key() -> None:
    for said, expected in {
        "task.dataset 'rows', train.csv, line 7: is bad": "--data my/rows, train.csv, line 7: is bad",
        'task.dataset = "rows" is a loader': "--data my/rows is a loader",
        "task.dataset: unknown 'rows'": "--data my/rows: unknown 'rows'",
        "task.text: a": "task.text: a",
    }.items():
        with pytest.raises(BadInput) as refused, as_given("my/rows", "rows"):
            raise BadInput(said)
        assert str(refused.value) == expected


def test_a_key_that_init_does_not_write_is_told_as_such() -> None:
    with pytest.raises(BadInput) as raised, as_given("clue/clue", "clue/clue"):
        raise BadInput("task.dataset 'clue/clue': task.config is missing; expected one of: afqmc, tnews")
    assert str(raised.value) == (
        "--data clue/clue: task.config is missing; expected one of: afqmc, tnews; init does not write task.config: "
        "write the recipe by hand (pocketbert explain task.config)"
    )
