"""Scores of whole layers; the layer of the lowest score is removed first."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.layer_importance import METHODS, layer_importance
from tests.support.models import rows_of, write_any_model

TEXTS, LABELS = [[2, 5, 6, 7, 3], [2, 14, 9, 3]], [1, 0]
ROWS = rows_of(TEXTS, LABELS)


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """Layer 2 adds nothing to its input."""
    model = load_classifier(write_any_model(tmp_path, "bert")).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.bias"):  # so that normalizing twice is normalizing once
                parameter.zero_()
        idle = model.bert.encoder.layer[2]
        for linear in (idle.attention.output.dense, idle.output.dense):
            linear.weight.zero_()
            linear.bias.zero_()
    return model


def ranked(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=scores.__getitem__)


def test_layers_by_their_place_need_no_rows(model: Any) -> None:
    assert layer_importance(model, rows_of([], []), "top", Progress()) == [4, 3, 2, 1]
    assert ranked(layer_importance(model, rows_of([], []), "alternate", Progress())) == [2, 0, 1, 3]


def test_a_layer_that_changes_nothing_is_the_least_important(model: Any) -> None:
    scores = layer_importance(model, ROWS, "similarity", Progress())
    assert ranked(scores)[0] == 2
    assert scores[2] == pytest.approx(0, abs=1e-4)
    assert all(score > 1e-2 for layer, score in enumerate(scores) if layer != 2)


def test_padding_does_not_count(model: Any) -> None:
    """The shorter text alone, and beside a longer one that leaves it padded: the mean is over visible tokens."""
    alone = [layer_importance(model, rows_of([text], [0]), "similarity", Progress()) for text in TEXTS]
    together = layer_importance(model, ROWS, "similarity", Progress())
    weights = [len(text) / sum(map(len, TEXTS)) for text in TEXTS]
    for layer, found in enumerate(together):
        assert found == pytest.approx(
            sum(w * scores[layer] for w, scores in zip(weights, alone, strict=True)), rel=1e-3
        )


def test_the_loss_without_a_layer_that_changes_nothing_is_the_loss(model: Any) -> None:
    ids, visible = torch.tensor([TEXTS[0], [*TEXTS[1], 0]]), torch.tensor([[1] * 5, [1] * 4 + [0]])
    with torch.no_grad():
        whole = functional.cross_entropy(model(input_ids=ids, attention_mask=visible).logits, torch.tensor(LABELS))
    scores = layer_importance(model, ROWS, "loss", Progress())
    assert scores[2] == pytest.approx(whole.item(), abs=1e-4)
    assert len(set(scores)) == 4


@pytest.mark.parametrize("method", METHODS)
def test_every_layer_has_a_score(model: Any, method: str) -> None:
    assert len(layer_importance(model, ROWS, method, Progress())) == 4
