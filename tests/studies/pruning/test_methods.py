"""The tables of the pruning study, on a tiny model."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.data.settings import TaskTable
from pocketbert.compress.data.texts import read_texts, tokenize
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.training.context import Context
from studies.pruning import methods
from studies.pruning.methods import _equivalence, _latency_ratio, _seconds
from studies.shared.shapes import one_text
from studies.shared.validation import compare, validation_logits
from tests.support.models import context_of


@pytest.fixture
def context(tiny_model: Path, tiny_data: Path, tmp_path: Path) -> Context:
    texts = read_texts(TaskTable(dataset=str(tiny_data), max_length=16, limit={"train": 64, "validation": 32}))
    tokens = tokenize(texts, tiny_model / "tokenizer.json")
    context = context_of(tokens.validation, tmp_path / "scratch", tokenizer=tiny_model)
    return replace(context, task=texts.task, train=tokens.train, labelled=tokens.labelled)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_removed_parts_are_equal_to_masked_parts(tiny_model: Path, context: Context) -> None:
    model = load_classifier(tiny_model).eval()
    rows = cells(_equivalence(model, context, validation_logits(model, context)))
    assert [row[1] for row in rows] == [
        "multiplied by 0",
        "multiplied by 0",
        "skipped",
        "full vocabulary, 1,000 training texts",
    ]
    assert all(float(row[-1]) < 1e-5 for row in rows), rows


def test_every_method_is_timed(tiny_model: Path, context: Context) -> None:
    model = load_classifier(tiny_model)
    rows = cells(_seconds(model, context, validation_logits(model, context)))
    assert rows[0] == ["forward and backward, once", rows[0][1], "1.00"]
    assert len(rows) > 4


def test_a_model_compared_with_itself_loses_nothing(tiny_model: Path, context: Context) -> None:
    logits = validation_logits(load_classifier(tiny_model), context)
    assert logits.shape == (32, 2)
    assert compare(context, logits, logits).drop == 0
    assert compare(context, logits, -logits).drop == pytest.approx(2 * compare(context, logits, logits).value - 1)


def test_a_model_is_as_fast_as_itself(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "one_text", partial(one_text, 16))
    for name in ("a.onnx", "b.onnx"):
        export(load_classifier(tiny_model), tmp_path / name, "fp32")
    with Progress() as progress:
        ratio = _latency_ratio(tmp_path / "a.onnx", tmp_path / "b.onnx", progress)
    assert 0.3 < ratio < 3
