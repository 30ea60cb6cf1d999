from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from compress.errors import BadInput
from compress.modeling import load_classifier
from compress.progress import Progress
from compress.stages import Context, Rows
from compress.stages.distill import Parameters, run
from compress.tasks import open_task
from tests.compress.conftest import write_tiny_model
from tests.compress.test_vocabulary import save_wordpiece


@pytest.fixture
def context(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr("compress.stages.distill.distil", lambda *_: None)
    nothing: Any = None
    rows = Rows([], [])
    task = open_task("classification", ["neg", "pos"], 16)
    tokenizers = {"tokenizer": tiny_model, "new_tokenizer": tmp_path / "new"}
    return Context(task, rows, rows, 0, 3, tmp_path, Progress(), nothing, **tokenizers)


def test_a_students_own_tokenizer_goes_along(context: Context, tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model)
    assert run(model, context, Parameters.model_validate({"student": {"layers": 2}})).config.num_hidden_layers == 2
    assert not context.new_tokenizer.exists()
    other = write_tiny_model(tmp_path / "other", num_hidden_layers=1)
    student = run(model, context, Parameters.model_validate({"student": {"init": str(other)}}))
    assert student.config.num_hidden_layers == 1
    assert Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json")).encode("好").ids[0] == 2


def test_another_vocabulary_and_too_few_positions_are_refused(
    context: Context, tiny_model: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "other", max_position_embeddings=12)
    parameters = Parameters.model_validate({"student": {"init": str(other)}})
    with pytest.raises(BadInput, match=r"has 12 positions, task\.max_length is 16; legal: up to 12"):
        run(load_classifier(tiny_model), context, parameters)
    save_wordpiece(other)
    given = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    said = "has another vocabulary: 27 tokens, the teacher's 30; 14 in common, 13 of them under other ids"
    with pytest.raises(BadInput, match=said):
        parameters.check_tokenizer(given)
    short = replace(context, task=open_task("classification", ["neg", "pos"], 8))
    with pytest.raises(BadInput, match=said):
        run(load_classifier(tiny_model), short, parameters)
