from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.importance import METHODS, importance, masks
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.tasks.rows import Rows
from tests.support.models import rows_of

TEXTS, LABELS = [[2, 5, 6, 7, 3], [2, 14, 9, 3]], [1, 0]
KIND = {"heads": 4, "neurons": 64}


@pytest.fixture
def rows() -> Rows:
    return rows_of(TEXTS, LABELS).first(2)


def losses(model: torch.nn.Module, kind: str, layer: int, unit: int, step: float) -> torch.Tensor:
    """The loss of each text with one mask moved by `step`."""
    ids, visible = torch.tensor([TEXTS[0], [*TEXTS[1], 0]]), torch.tensor([[1] * 5, [1] * 4 + [0]])
    with masks(model) as put, torch.no_grad():
        getattr(put, kind)[layer][0, unit] += step
        logits = model(input_ids=ids, attention_mask=visible).logits
    return functional.cross_entropy(logits, torch.tensor(LABELS), reduction="none")


@pytest.mark.parametrize("kind", KIND)
@pytest.mark.parametrize(("method", "power"), [("taylor", 1), ("fisher", 2)])
def test_scores_are_those_of_finite_differences(
    tiny_model: Path, rows: Rows, kind: str, method: str, power: int
) -> None:
    model = load_classifier(tiny_model).double().eval()  # float32 drowns the finite difference
    found = getattr(importance(model, rows, method, 0, Progress()), kind)[2]
    assert found.shape == (KIND[kind],)
    for unit in range(4):
        slopes = (losses(model, kind, 2, unit, 1e-2) - losses(model, kind, 2, unit, -1e-2)) / 2e-2
        assert found[unit].item() == pytest.approx(slopes.abs().pow(power).mean().item(), rel=1e-2)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_layers_that_have_lost_everything_are_scored_too(tiny_model: Path, rows: Rows, method: str) -> None:
    model = without(load_classifier(tiny_model), {1: range(4)}, {2: range(64), 3: range(60)})
    scores = importance(model, rows, method, 0, Progress())
    assert [len(layer) for layer in scores.heads] == [4, 0, 4, 4]
    assert [len(layer) for layer in scores.neurons] == [64, 64, 0, 4]
    assert all(bool((layer >= 0).all()) for layer in (*scores.heads, *scores.neurons))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_has_lost_everything_has_nothing_to_score(tiny_model: Path, rows: Rows, method: str) -> None:
    model = without(load_classifier(tiny_model), dict.fromkeys(range(4), range(4)), dict.fromkeys(range(4), range(64)))
    scores = importance(model, rows, method, 0, Progress())
    assert [len(layer) for layer in (*scores.heads, *scores.neurons)] == [0] * 8


def test_a_unit_whose_output_is_nought_has_no_magnitude(tiny_model: Path, rows: Rows) -> None:
    model = load_classifier(tiny_model)
    with torch.no_grad():
        model.bert.encoder.layer[1].attention.output.dense.weight[:, 8:16] = 0
        model.bert.encoder.layer[1].output.dense.weight[:, 5] = 0
    scores = importance(model, rows, "magnitude", 0, Progress())
    assert scores.heads[1].argmin() == 1
    assert scores.neurons[1].argmin() == 5
    assert scores.heads[1][1] == 0
    assert scores.neurons[1][5] == 0
