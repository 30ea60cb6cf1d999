from pathlib import Path

import pytest
import torch
from transformers import BertConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.stages.finetune import Parameters, run
from tests.support.models import context_of, rows_of

ROWS = rows_of([[2, 5 + row % 2, 7, 3] for row in range(64)], [row % 2 for row in range(64)])


@pytest.mark.parametrize(("scores", "told"), [([0.70, 0.76], True), ([0.76, 0.70], False)])
def test_a_teacher_that_is_not_finished_is_told(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: list[float], told: bool
) -> None:
    said = iter(scores)
    monkeypatch.setattr("pocketbert.compress.training.trainer._score", lambda *_: next(said))
    context = context_of(ROWS, tmp_path)
    run(load_classifier(tiny_model), context, Parameters(epochs=2))
    found = [remark for remark in context.remarks if "from 70.0 % to 76.0 % at the end of the training" in remark]
    assert bool(found) == told


def test_a_teacher_that_ends_early_says_so(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([0.70, 0.76, 0.75])
    monkeypatch.setattr("pocketbert.compress.training.trainer._score", lambda *_: next(said))
    context = context_of(ROWS, tmp_path)
    run(load_classifier(tiny_model), context, Parameters(epochs=5, patience=1))
    assert context.remarks == [
        "accuracy after each epoch: 70.0 %, 76.0 %, 75.0 %; the best is kept; the training ended after 3 of at most 5 "
        "epochs, because the last 1 brought no better value (patience)"
    ]


def test_a_model_without_layers_has_none_to_freeze() -> None:
    """As a static student."""
    Parameters().check(BertConfig(num_hidden_layers=0))
    with pytest.raises(BadInput, match="allowed: 0 to 1"):
        Parameters(frozen_layers=2).check(BertConfig(num_hidden_layers=2))


def test_what_is_frozen_stays_and_the_rest_learns(tiny_model: Path, tmp_path: Path) -> None:
    before, context = load_classifier(tiny_model), context_of(ROWS, tmp_path)
    after = run(load_classifier(tiny_model), context, Parameters(frozen_layers=2))
    moved = {
        name
        for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert {name.split(".")[3] for name in moved if ".layer." in name} == {"2", "3"}
    assert "classifier.weight" in moved
    assert not any("embeddings" in name for name in moved)
