"""A hub dataset: its classes are kept, a row is named by its split, and an unreachable Hub gives a hint."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.reading.hub import read_hub
from pocketbert.compress.data.settings import Split, TaskTable

Hub = Callable[..., None]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Let `load_dataset` find these rows and features."""
    import datasets

    def holds(features: dict[str, Any], builder: str = "parquet", **splits: dict[str, list[Any]]) -> None:
        tables = {
            split: datasets.Dataset.from_dict(columns, features=datasets.Features(features))
            for split, columns in splits.items()
        }
        for table in tables.values():
            table.info.builder_name = builder
        monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(tables))

    return holds


def test_classes_of_the_source_are_kept(hub: Hub) -> None:
    from datasets import ClassLabel, Value

    rows = {"sentence": ["好", "差"], "stars": [0, 1]}
    features = {"sentence": Value("string"), "stars": ClassLabel(names=["pos", "neg", "unsure"])}
    hub(features, train=rows, validation=rows, test=rows)
    data = load_data(TaskTable(dataset="someone/reviews", text="sentence", label="stars"))
    assert data.labels == ["pos", "neg", "unsure"]
    assert data.splits["test"]["label"] == [0, 1]
    hub(features, train=rows, validation=rows, test={"sentence": ["好", "差"], "stars": [0, -1]})
    with pytest.raises(BadInput) as raised:
        load_data(TaskTable(dataset="someone/reviews", text="sentence", label="stars"))
    assert "'someone/reviews', split test, row 1 (from 0): column 'stars' holds -1" in str(raised.value)
    assert "expected: 0 to 2 (pos, neg, unsure)" in str(raised.value)
    cut: dict[Split, str] = {"train": "validation", "validation": "train[:1]", "test": "train[1:]"}
    splits = load_data(TaskTable(dataset="someone/reviews", text="sentence", label="stars", splits=cut)).splits
    assert splits["test"] == {"text": ["差"], "label": [1]}


def test_classes_of_tags_are_kept(hub: Hub) -> None:
    from datasets import ClassLabel, List, Value

    features = {"words": List(Value("string")), "ner": List(ClassLabel(names=["B-LOC", "I-LOC", "O"]))}
    rows = {"words": [["北", "京", "的"]], "ner": [[0, 1, 2]]}
    hub(features, train=rows, validation=rows, test=rows)
    data = load_data(TaskTable(kind="tagging", dataset="someone/ner", tokens="words", label="ner"))
    assert data.labels == ["B-LOC", "I-LOC", "O"]
    assert data.splits["train"] == {"tokens": [["北", "京", "的"]], "label": [[0, 1, 2]]}


def test_integers_without_names_are_no_tags(hub: Hub) -> None:
    from datasets import List, Value

    rows = {"tokens": [["北"]], "label": [[0]]}
    hub({"tokens": List(Value("string")), "label": List(Value("int64"))}, train=rows, validation=rows, test=rows)
    with pytest.raises(
        BadInput, match=r"split train, row 0 \(from 0\): tag 0 in column 'label' is 0; expected: a string"
    ):
        load_data(TaskTable(kind="tagging", dataset="someone/ner"))


def test_a_missing_split_and_an_empty_one(hub: Hub) -> None:
    from datasets import Value

    features, rows = {"text": Value("string"), "label": Value("string")}, {"text": ["好"], "label": ["a"]}
    hub(features, train=rows, test=rows)
    with pytest.raises(BadInput, match="'someone/x': split validation is missing; found: train, test"):
        load_data(TaskTable(dataset="someone/x"))
    hub(features, train=rows, validation={"text": [], "label": []}, test=rows)
    with pytest.raises(BadInput, match="split validation: is empty"):
        load_data(TaskTable(dataset="someone/x"))


def test_a_dataset_of_several_parts(tmp_path: Path) -> None:
    """For example, `facebook/xnli` has a part for each language."""
    parts = {"en": ["good", "bad"], "zh": ["好", "差"]}
    described = ""
    for part, texts in parts.items():
        (tmp_path / part).mkdir()
        rows = "".join(f"{text},{label}\n" for label, text in enumerate(texts))
        for split in ("train", "validation", "test"):
            (tmp_path / part / f"{split}.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
        files = "".join(f"  - split: {s}\n    path: {part}/{s}.csv\n" for s in ("train", "validation", "test"))
        described += f"- config_name: {part}\n  data_files:\n{files}"
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{described}---\n", encoding="utf-8")
    for part, texts in parts.items():
        splits = load_data(TaskTable(dataset=str(tmp_path), config=part)).splits
        assert splits["test"]["text"] == texts
    for config, given in ((None, "is missing"), ("fr", "is 'fr'")):
        with pytest.raises(BadInput, match=rf"task\.config {given}; expected for .*: one of 'en', 'zh'"):
            load_data(TaskTable(dataset=str(tmp_path), config=config))
    with pytest.raises(BadInput, match=r"has no parts for task\.config to name"):
        load_data(TaskTable(dataset=str(tmp_path / "zh"), config="zh"))


ODD = ["NA", "null", "None", "nan", "N/A", "-", "110", "１１０", "1e5", "inf", "", "007"]
"""What pandas takes for a missing value or a number (case c21)."""


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_file_says_the_same_in_both_layouts(suffix: str, tmp_path: Path) -> None:
    rows = [{"text": f"{text}好" if text == "" else text, "label": f"{n % 2}.0"} for n, text in enumerate(ODD)]
    header, form = ("text,label\n", "{text},{label}\n") if suffix == "csv" else ("", None)
    content = header + "".join(form.format(**row) if form else json.dumps(row) + "\n" for row in rows)
    for folder, name in (("plain", f"{{}}.{suffix}"), ("hub", f"data/{{}}-00000-of-00001.{suffix}")):
        for split in ("train", "validation", "test"):
            file = tmp_path / folder / name.format(split)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    plain, hub = (load_data(TaskTable(dataset=str(tmp_path / folder))) for folder in ("plain", "hub"))
    assert plain.splits == hub.splits
    assert hub.splits["test"]["text"][:3] == ["NA", "null", "None"]
    assert hub.where["test"].endswith(f"hub', test-00000-of-00001.{suffix}")


def test_a_tsv_is_refused_as_a_file_of_its_own_is(tmp_path: Path) -> None:
    """The reader of `datasets` takes all rows from one quotation mark to the next for one text."""
    (tmp_path / "train.tsv").write_text('label\ttext\n1\t"好\n0\t差\n1\t"行\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"train\.tsv: save it as \.csv with commas, or as \.jsonl"):
        read_hub(str(tmp_path), None)


def test_a_split_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        for part, rows in enumerate(("好,a\n差,b\n", "坏,b\n")):
            (tmp_path / f"data/{split}-0000{part}-of-00002.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    data = load_data(TaskTable(dataset=str(tmp_path)))
    assert data.splits["train"] == {"text": ["好", "差", "坏"], "label": [0, 1, 1]}
    (tmp_path / "data/test-00001-of-00002.csv").write_text("text,label\n坏,c\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"split test, test-00001-of-00002\.csv, line 2: 'c' in column 'label' is not in"
    ):
        load_data(TaskTable(dataset=str(tmp_path)))


def test_two_columns_of_one_name_in_both_layouts(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = [pyarrow.array(["一"]), pyarrow.array(["a"]), pyarrow.array(["二"])]
    for split in ("train", "validation", "test"):
        table = pyarrow.Table.from_arrays(columns, names=["text", "label", "text"])
        parquet.write_table(table, tmp_path / f"{split}-00000-of-00001.parquet")
    with pytest.raises(BadInput, match=r"00001\.parquet: columns 1 and 3 are both called 'text'"):
        load_data(TaskTable(dataset=str(tmp_path)))


@pytest.mark.parametrize(
    ("sep", "said"),
    [
        (",", r"train-00000-of-00001\.csv, line 1: columns 1 and 3 are both called 'text'"),
        (";", r"columns 'text' and 'text\.1': pandas makes them of two columns called 'text'; rename or remove one"),
    ],
)
def test_two_columns_of_one_name_in_a_csv(sep: str, said: str, tmp_path: Path) -> None:
    """Our own reader sees the header; where `datasets` has to read the file, pandas has renamed the second one."""
    for split in ("train", "validation", "test"):
        content = "text,label,text\n好,a,一\n差,b,二\n".replace(",", sep)
        (tmp_path / f"{split}-00000-of-00001.csv").write_text(content, encoding="utf-8")
    if sep != ",":
        readme = f"---\nconfigs:\n- config_name: default\n  sep: '{sep}'\n---\n"
        (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        load_data(TaskTable(dataset=str(tmp_path)))


def test_two_columns_of_one_name_in_a_csv_of_the_hub(hub: Hub) -> None:
    from datasets import Value

    rows = {"text": ["好", "差"], "label": ["a", "b"], "text.1": ["一", "二"]}
    features = dict.fromkeys(rows, Value("string"))
    hub(features, "csv", train=rows, validation=rows, test=rows)
    with pytest.raises(BadInput, match=r"'someone/x': columns 'text' and 'text\.1': pandas makes them of two"):
        load_data(TaskTable(dataset="someone/x"))
    hub(features, "parquet", train=rows, validation=rows, test=rows)
    assert load_data(TaskTable(dataset="someone/x")).labels == ["a", "b"]


def test_a_folder_that_says_how_to_read_it(tmp_path: Path) -> None:
    """The reader of `datasets` knows separators; a missing text stays a text."""
    for split in ("train", "validation", "test"):
        (tmp_path / f"rows-{split}.csv").write_text("text;label\nNA;007\n好;1.0\n", encoding="utf-8")
    files = "".join(f"  - split: {s}\n    path: rows-{s}.csv\n" for s in ("train", "validation", "test"))
    readme = f"---\nconfigs:\n- config_name: default\n  sep: ';'\n  data_files:\n{files}---\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    data = load_data(TaskTable(dataset=str(tmp_path)))
    assert (data.labels, data.splits["train"]) == (["007", "1.0"], {"text": ["NA", "好"], "label": [0, 1]})


def test_an_unreachable_hub_gives_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"task\.dataset 'nobody/nothing'.*recipes/offline\.toml") as raised:
        load_data(TaskTable(dataset="nobody/nothing"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("source", ["owner/name@", "@main", "folder@main"])
def test_a_revision_is_one_of_a_dataset_on_the_hub(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        BadInput, match=f"^task.dataset = '{source}': expected owner/name@revision of the Hub; a folder"
    ):
        load_data(TaskTable(dataset=source))


@pytest.mark.parametrize("loader", ["text", "csv", "pandas", "text@main"])
def test_a_loader_of_the_library_is_no_dataset(loader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_dataset` would take every file below the working folder for rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.txt").write_text("a line of somebody's notes\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match=f'"{loader.removesuffix("@main")}" is a loader of the datasets library, not a dataset'
    ):
        load_data(TaskTable(dataset=loader))


def test_a_folder_may_have_the_name_of_a_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "validation", "test"):
        path = tmp_path / "text" / "data" / f"{split}-00000-of-00001.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text,label\n{split} a,neg\n{split} b,pos\n", encoding="utf-8")
    assert load_data(TaskTable(dataset="./text")).splits["train"]["text"] == ["train a", "train b"]
