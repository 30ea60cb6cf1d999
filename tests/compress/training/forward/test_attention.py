from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pocketbert.compress.models.families import encoder_layers, run_layers
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.training.forward.attention import drop, fast_on_cpu
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.settings import Schedule
from pocketbert.compress.training.trainer import Examples, train
from tests.support.models import context_of, rows_of, write_tiny_model

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 9, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def outcome(model: nn.Module) -> list[torch.Tensor]:
    """Logits, and the gradient of each parameter."""
    model.zero_grad()
    logits = model(input_ids=IDS, attention_mask=MASK).logits
    logits.square().sum().backward()
    return [logits.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


def test_logits_and_gradients_are_those_of_pytorch(any_model: Path) -> None:
    model = load_classifier(any_model).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for parameter in model.parameters():  # as random weights are, all tokens would look alike
        nn.init.normal_(parameter, std=0.3)
    expected = outcome(model)
    with fast_on_cpu(model):
        found = outcome(model)
    assert len(found) == len(expected) > 10
    largest = max(float(each.abs().max()) for each in expected)  # the gradient of a key's bias is 0
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6 * largest)


def test_hidden_tokens_change_nothing(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    with fast_on_cpu(model), torch.inference_mode():
        padded = model(input_ids=IDS[1:], attention_mask=MASK[1:]).logits
        alone = model(input_ids=IDS[1:, :3], attention_mask=MASK[1:, :3]).logits
        hidden = torch.randn(2, 5, model.config.hidden_size)
        layers = run_layers(encoder_layers(model), hidden, MASK)  # a mask of another shape
        hidden[1, 3:] = 9
        assert torch.allclose(run_layers(encoder_layers(model), hidden, MASK)[MASK.bool()], layers[MASK.bool()])
    assert torch.allclose(padded, alone, atol=1e-6)


@pytest.mark.parametrize(("rate", "expected"), [(0.1, 26 / 256), (0.5, 0.5), (0.0, 0.0), (1.0, 1.0)])
def test_a_share_of_the_values_is_dropped_and_the_mean_stays(rate: float, expected: float) -> None:
    torch.manual_seed(1)
    values = torch.ones(500, 403, requires_grad=True)
    left, factor = drop(values, rate)
    assert float((left == 0).float().mean()) == pytest.approx(expected, abs=0.004)
    assert rate == 1 or float((left.detach() * factor).mean()) == pytest.approx(1, abs=0.01)
    assert set(left.unique().tolist()) <= {0.0, 1.0}
    left.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, left.detach()), "a dropped value still learns"


def test_dropout_is_that_of_the_seed_and_of_training_alone(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)

    def answered(training: bool, seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        with fast_on_cpu(model.train(training)), torch.no_grad():
            logits: torch.Tensor = model(input_ids=IDS, attention_mask=MASK).logits
        return logits

    assert torch.equal(answered(True, 1), answered(True, 1))
    assert not torch.equal(answered(True, 1), answered(True, 2))
    assert torch.equal(answered(False, 1), answered(False, 2))


@pytest.mark.parametrize("name", ["attention_probs_dropout_prob", "hidden_dropout_prob"])
def test_both_kinds_of_dropout_are_applied(tmp_path: Path, name: str) -> None:
    none = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0, "classifier_dropout": 0.0}
    model = load_classifier(write_tiny_model(tmp_path, **(none | {name: 0.4}))).train()
    with fast_on_cpu(model), torch.no_grad():
        first, second = (model(input_ids=IDS, attention_mask=MASK).logits for _ in range(2))
    assert not torch.equal(first, second)


def test_training_computes_so_on_the_cpu_and_leaves_the_model_as_it_was(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    model, rows = load_classifier(tiny_model), rows_of([[2, 5, 3]] * 32, [0, 1] * 16)
    own, used = model.config._attn_implementation, []
    layer = encoder_layers(model)[0]
    layer.register_forward_pre_hook(lambda *_: used.append(layer.attention.self.config._attn_implementation))
    schedule = Schedule(epochs=1)

    def loss(logits: torch.Tensor, batch: dict[str, Any], outputs: object) -> torch.Tensor:
        return cross_entropy(logits, batch["labels"])

    train(model, context_of(rows, tmp_path), Examples(rows), schedule, loss, "training", model)
    assert own == "sdpa" == model.config._attn_implementation
    assert "pocketbert_training" in used
    assert not [module for module in model.modules() if "forward" in vars(module)]
