"""Which Linear INT8 hurts most: planted, and measured by rounding one at a time."""

from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.shipping.ranking import rank_linears, rounded_activation, rounded_weight
from pocketbert.compress.tasks.inputs import Inputs
from tests.support.models import SEQUENCES, WORDS, spoil, write_any_model

TEXTS = Inputs(SEQUENCES, 0)


@pytest.mark.parametrize("token_level", [False, True])
@pytest.mark.parametrize("family", ["bert", "electra", "mobilebert"])
def test_a_spoilt_linear_comes_first(family: str, token_level: bool, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, family, token_level, normalization_type="layer_norm"))
    layer = f"{family}.encoder.layer.2"
    attended = f"{layer}.attention.output.LayerNorm"
    if family == "mobilebert":  # its FFNs are stacked: the last one reads the one before
        attended = f"{layer}.ffn.2.output.LayerNorm"
    before = rank_linears(model, WORDS if token_level else TEXTS, Progress())
    spoil(model, f"{layer}.intermediate.dense", attended)
    ranked = rank_linears(model, WORDS if token_level else TEXTS, Progress())
    assert before[0] != f"{layer}.intermediate.dense"
    assert ranked[0] == f"{layer}.intermediate.dense"
    assert sorted(ranked) == sorted(n for n, m in model.named_modules() if isinstance(m, nn.Linear))


def test_the_order_is_that_of_rounding_one_at_a_time(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert")).eval()
    ranked = rank_linears(model, TEXTS, Progress())
    costs = []
    for name in ranked:
        linear = model.get_submodule(name)

        def rounded(module: nn.Module, inputs: tuple[torch.Tensor], _: torch.Tensor) -> torch.Tensor:
            return functional.linear(rounded_activation(inputs[0]), rounded_weight(module.weight), module.bias)

        exact = leads(model)
        handle = linear.register_forward_hook(rounded)
        costs.append(float(((leads(model) - exact) ** 2).sum()))
        handle.remove()
    assert spearmanr(range(len(ranked)), [-cost for cost in costs]).statistic > 0.9


def leads(model: nn.Module) -> torch.Tensor:
    """By how much the second label leads, of each text."""
    batch = {name: torch.from_numpy(values) for name, values in TEXTS.padded(range(len(TEXTS))).items()}
    with torch.no_grad():
        logits = model(**batch).logits
    return logits[:, 1] - logits[:, 0]


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert")).eval()
    before = leads(model)
    rank_linears(model, TEXTS, Progress())
    assert torch.equal(leads(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_rounding_by_hand() -> None:
    weight = torch.tensor([[127.0, 0.4, -0.6], [0.0, 0.0, 0.0], [1.27, 0.006, -1.27]])
    assert torch.allclose(
        rounded_weight(weight), torch.tensor([[127.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.27, 0.01, -1.27]]), atol=1e-6
    )
    values = torch.tensor([[-1.0, 0.4, 254.0], [255.0, 3.3, 1.0], [-2.55, -0.016, -0.014], [0.0, 0.0, 0.0]])
    each = torch.tensor([[-1.0, 0.0, 254.0], [255.0, 3.0, 1.0], [-2.55, -0.02, -0.01], [0.0, 0.0, 0.0]])
    assert torch.allclose(rounded_activation(values), each, atol=1e-6), "every row has a range of its own, with 0 in it"
    pairs = values[:, :2].repeat(1, 2).view(4, 2, 2)
    assert torch.equal(rounded_activation(pairs)[:, 0], rounded_activation(pairs[:, 0]))
