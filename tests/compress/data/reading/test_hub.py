"""A hub dataset: its classes are kept, a row is named by its split, and an unreachable Hub gives a hint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.load import load_data
from pocketbert.compress.data.settings import Split, TaskTable

Hub = Callable[..., None]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Let `load_dataset` find these rows and features."""
    import datasets

    def holds(features: dict[str, Any], **splits: dict[str, list[Any]]) -> None:
        tables = {
            split: datasets.Dataset.from_dict(columns, features=datasets.Features(features))
            for split, columns in splits.items()
        }
        monkeypatch.setattr(datasets, "load_dataset", lambda *_: datasets.DatasetDict(tables))

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


def test_an_unreachable_hub_gives_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"task\.dataset 'nobody/nothing'.*recipes/offline\.toml") as raised:
        load_data(TaskTable(dataset="nobody/nothing"))
    assert "\n" not in str(raised.value)
