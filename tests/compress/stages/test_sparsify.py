"""Zeros: which weights become 0, how many, and that recovery leaves them there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import count_zeros
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.stages.sparsify import Parameters, run, weights
from tests.support.models import context_of, rows_of, write_any_model

TEXTS, LABELS = [[2, 5, 6, 7, 3], [2, 14, 9, 3], [2, 11, 3], [2, 8, 12, 3]], [1, 0, 1, 0]


def sparse(model: PreTrainedModel, scratch: Path = Path(), **settings: Any) -> PreTrainedModel:
    teacher: Any = SimpleNamespace(
        logits=lambda: np.zeros((len(LABELS), 2), np.float32), seconds_computing=0.0, seconds_cached=0.0
    )
    context = context_of(rows_of(TEXTS, LABELS), scratch, teacher=teacher)
    return run(model, context, Parameters.model_validate(settings))


def share(weight: Tensor) -> float:
    return float((weight == 0).float().mean())


def test_the_smallest_of_each_matrix_become_zero(tiny_model: Path) -> None:
    before = load_classifier(tiny_model).state_dict()
    model = sparse(load_classifier(tiny_model), amount=0.75)
    for name, now in model.state_dict().items():
        was = before[name]
        if not name.startswith(("bert.encoder", "bert.pooler")) or not name.endswith("dense.weight"):
            continue
        assert share(now) == 0.75, name
        assert torch.equal(now[now != 0], was[now != 0]), "what stays was changed"
        assert was[now != 0].abs().min() >= was[now == 0].abs().max()


def test_one_threshold_for_all(tiny_model: Path) -> None:
    """One layer's weights are made tiny: they go first, and a good part of the others stays."""
    model = load_classifier(tiny_model)
    with torch.no_grad():
        model.bert.encoder.layer[0].intermediate.dense.weight.mul_(1e-3)
    every = weights(sparse(model, amount=0.25, scope="global"), embeddings=False)
    assert share(torch.cat([weight.flatten() for weight in every])) == pytest.approx(0.25, abs=1e-4)
    assert share(model.bert.encoder.layer[0].intermediate.dense.weight) == 1
    assert 0 < share(model.bert.encoder.layer[1].intermediate.dense.weight) < 0.25


def test_what_keeps_all_it_has(any_model: Path) -> None:
    """Biases, layer norms, positions and the head always; the word table unless it is asked for."""
    for embeddings in (False, True):
        before = load_classifier(any_model).state_dict()
        after = sparse(load_classifier(any_model), amount=0.5, embeddings=embeddings).state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert all(name.endswith(".weight") and before[name].ndim == 2 for name in changed)
        assert not [name for name in changed if "classifier" in name or "position" in name or "token_type" in name]
        assert sum("encoder.layer" in name for name in changed) == 4 * 6
        assert any("word_embeddings" in name for name in changed) == embeddings


def test_uneven_layers_and_bottlenecks(tiny_model: Path, tmp_path: Path) -> None:
    uneven = without(load_classifier(tiny_model), {0: [0, 1, 2, 3], 1: [2]}, {2: range(64), 3: range(16)})
    bottleneck = load_classifier(write_any_model(tmp_path, "mobilebert"))
    for model in (uneven, bottleneck):
        sparse(model, amount=0.5, embeddings=True)
        assert all(share(weight) == pytest.approx(0.5, abs=0.01) for weight in weights(model, embeddings=True))
        said = model(input_ids=torch.tensor([TEXTS[0]])).logits
        model.save_pretrained(tmp_path / "saved")
        again = load_classifier(tmp_path / "saved")
        assert torch.equal(again(input_ids=torch.tensor([TEXTS[0]])).logits, said)
        assert set(again.state_dict()) == set(model.state_dict())
        assert count_zeros(again) == count_zeros(model)


@pytest.mark.parametrize("epochs", [1, 2], ids=["the last stays", "the best is loaded"])
def test_recovery_trains_what_is_left_and_no_zero(tiny_model: Path, tmp_path: Path, epochs: int) -> None:
    """The word table is held too, though this stage does not go into it: its zeros are an earlier one's."""
    model = sparse(load_classifier(tiny_model), amount=0.5, embeddings=True)
    was = [weight.detach().clone() for weight in weights(model, embeddings=True)]
    sparse(model, tmp_path, amount=0.5, recover={"learning_rate": 1e-2, "batch_size": 1, "epochs": epochs})
    for before, now in zip(was, weights(model, embeddings=True), strict=True):
        assert torch.equal(now == 0, before == 0)
        assert not torch.signbit(now[now == 0]).any(), "a negative zero deflates worse"
        assert not torch.equal(now, before), "nothing was trained"
    assert not any(weight._backward_hooks for weight in weights(model, embeddings=True))


def test_the_guard_may_turn_it_down() -> None:
    parameters = Parameters(amount=0.8, scope="global", embeddings=True)
    assert parameters.strength == 0.8
    assert parameters.with_strength(0.4) == Parameters(amount=0.4, scope="global", embeddings=True)
    with pytest.raises(ValueError, match="less than 1"):
        Parameters(amount=1.0)
