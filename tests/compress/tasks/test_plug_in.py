"""A task is one new file and its line in `TASKS`: recipe, data, build and bench ask the class for everything else."""

import json
from pathlib import Path

import numpy as np
import pytest

from pocketbert.bench.measuring.subject import load_rows
from pocketbert.compress import tasks
from pocketbert.compress.data.texts import read_texts, tokenize, write_test
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from tests.support.plug_ins import add_module

NEW_FILE = '''
from pocketbert.compress.tasks.classification import Classification

class Titles(Classification):
    """Classification that is guarded on macro-F1."""
    kind = "titles"
    metric = "macro_f1"
    columns = ("text_pair",)
    linear_control = False

    def encode(self, tokenizer, rows):
        return super().encode(tokenizer, {"text": rows["text_pair"]})
'''


@pytest.fixture
def titles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_module(monkeypatch, tasks, "titles", NEW_FILE, tmp_path)
    monkeypatch.setitem(tasks.TASKS, "titles", "Titles")


@pytest.mark.usefixtures("titles")
def test_a_task_is_one_file_and_one_line(tiny_recipe: Path, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "validation", "test"):
        rows = [{"text_pair": word * 3, "label": label} for word, label in (("好", "pos"), ("坏", "neg"))] * 4
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (data / f"{split}.jsonl").write_text(text, encoding="utf-8")
    recipe = load_recipe(tiny_recipe, {"task.kind": '"titles"', "task.dataset": json.dumps(str(data))})
    texts = read_texts(recipe.task)
    assert texts.task.metric == "macro_f1"
    assert set(texts.splits["train"]) == {"text_pair", "label"}
    assert len(tokenize(texts, tiny_model / "tokenizer.json").train.inputs) == 8
    write_test(texts, tmp_path / "test.jsonl")
    task = open_task("titles", texts.task.labels, texts.task.max_length)
    rows = load_rows(tmp_path / "test.jsonl", task)
    inputs = task.encode(load_tokenizer(tiny_model / "tokenizer.json"), rows.columns)
    assert len(inputs) == 8
    right = np.eye(2, dtype=np.float32)[rows.gold]
    assert task.scores(right, rows.gold)["macro_f1"] == 1
