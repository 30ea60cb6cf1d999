"""Which layer rounding hurts most: planted, and measured by rounding one at a time."""

from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.rounding import FEW
from pocketbert.compress.pipeline.shipping.fallback import moves
from pocketbert.compress.pipeline.shipping.ranking import rounded_weight, rounding_costs
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training.forward.fake_quant import round_activations
from tests.support.models import SEQUENCES, WORDS, spoil, write_any_model

TEXTS = Inputs(SEQUENCES, 0)
WIDE = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 128}
"""Matrices with enough weights to be INT4 in an INT4 file."""


@pytest.mark.parametrize("token_level", [False, True])
@pytest.mark.parametrize("family", ["bert", "electra", "mobilebert"])
def test_a_spoilt_linear_comes_first(family: str, token_level: bool, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, family, token_level, normalization_type="layer_norm"))
    layer = f"{family}.encoder.layer.2"
    attended = f"{layer}.attention.output.LayerNorm"
    if family == "mobilebert":  # its FFNs are stacked: the last one reads the one before
        attended = f"{layer}.ffn.2.output.LayerNorm"
    spoilt, inputs = f"{layer}.intermediate.dense", WORDS if token_level else TEXTS
    before = rounding_costs(model, inputs, Progress())
    spoil(model, spoilt, attended)
    after = rounding_costs(model, inputs, Progress())
    ranked = [move.layer for move in moves(after, "int8")]
    assert ranked[0] == spoilt
    assert after[spoilt]["int8"] > 10 * before[spoilt]["int8"]
    rounded = [n for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Embedding)]
    assert sorted(ranked) == sorted(name for name in rounded if not name.endswith("token_type_embeddings"))


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_the_order_is_that_of_rounding_one_at_a_time(precision: str, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert", **WIDE)).eval()
    ranked = rounding_costs(model, TEXTS, Progress())
    costs = {}
    for name in [name for name, cost in ranked.items() if precision in cost]:
        layer = model.get_submodule(name)

        def rounded(module: nn.Module, inputs: tuple[torch.Tensor], _: torch.Tensor) -> torch.Tensor:
            weight = rounded_weight(module, precision)
            if isinstance(module, nn.Embedding):
                return functional.embedding(inputs[0], weight)
            return functional.linear(round_activations(inputs[0]), weight, module.bias)

        exact = leads(model)
        handle = layer.register_forward_hook(rounded)
        costs[name] = float(((leads(model) - exact) ** 2).mean())
        handle.remove()
    assert "bert.embeddings.word_embeddings" in costs
    assert spearmanr(list(costs.values()), [ranked[name][precision] for name in costs]).statistic > 0.9
    largest = max(costs, key=lambda name: costs[name])
    assert ranked[largest][precision] == pytest.approx(costs[largest], rel=0.5)


def test_a_text_costs_the_same_in_any_batch(tmp_path: Path) -> None:
    """Alone it has no padding; between longer texts it has."""
    model = load_classifier(write_any_model(tmp_path, "bert", **WIDE))
    short, long = [2, 5, 3], [2, *range(4, 28), 3]
    together = rounding_costs(model, Inputs([short, long], 0), Progress())
    alone = [rounding_costs(model, Inputs([text], 0), Progress()) for text in (short, long)]
    for name, costs in together.items():
        for precision, cost in costs.items():
            assert cost == pytest.approx(sum(each[name][precision] for each in alone) / 2, rel=1e-3), name


def test_small_matrices_have_no_cost_of_int4(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert", **WIDE))
    small = {name for name, cost in rounding_costs(model, TEXTS, Progress()).items() if "int4" not in cost}
    assert "bert.pooler.dense" not in small
    assert small == {
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding) and module.weight.numel() <= FEW and "token_type" not in name
    }


def leads(model: nn.Module) -> torch.Tensor:
    """By how much the second label leads, of each text."""
    batch = {name: torch.from_numpy(values) for name, values in TEXTS.padded(range(len(TEXTS))).items()}
    with torch.no_grad():
        logits = model(**batch).logits
    return logits[:, 1] - logits[:, 0]


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert")).eval()
    before = leads(model)
    rounding_costs(model, TEXTS, Progress())
    assert torch.equal(leads(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_rounding_by_hand() -> None:
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[64.0, 0.4, -0.6], [0.0, 0.0, 0.0], [0.7, 0.06, -0.7]]))
    int8 = torch.tensor([[64.0, 0.0, -1.0], [0.0, 0.0, 0.0], [0.7, 0.7 * 5 / 64, -0.7]])
    assert torch.allclose(rounded_weight(linear, "int8"), int8)
    int4 = torch.tensor([[64.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.7, 0.1, -0.7]])
    assert torch.allclose(rounded_weight(linear, "int4"), int4)
    values = torch.tensor([[-1.0, 0.4, 254.0], [255.0, 3.3, 1.0], [-2.55, -0.016, -0.014], [0.0, 0.0, 0.0]])
    each = torch.tensor([[-1.0, 0.0, 254.0], [255.0, 3.0, 1.0], [-2.55, -0.02, -0.01], [0.0, 0.0, 0.0]])
    assert torch.allclose(round_activations(values), each, atol=1e-6), "every row has a range of its own, with 0 in it"
    pairs = values[:, :2].repeat(1, 2).view(4, 2, 2)
    assert torch.equal(round_activations(pairs)[:, 0], round_activations(pairs[:, 0]))
