from pathlib import Path

import pytest
import torch

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.training.layer_rates import decay_by_layer


def rates(model: torch.nn.Module, decay: float) -> dict[str, float]:
    """The learning rate of each parameter: decayed ones are in groups of their own."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW([{"params": list(names), "weight_decay": 0.01}], lr=1.0)
    decay_by_layer(optimizer, model, decay)  # type: ignore[arg-type]
    found = {names[parameter]: group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(found) == len(names)
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.01}
    return found


def test_each_layer_has_a_share_of_the_rate_above_it(any_model: Path) -> None:
    model = load_classifier(any_model)
    layers, found = model.config.num_hidden_layers, rates(model, 0.5)
    for name, rate in found.items():
        if ".layer." in name:
            above = layers - int(name.split(".layer.")[1].split(".")[0])
        else:
            above = layers + 1 if "embeddings" in name else 0
        assert rate == pytest.approx(0.5**above), name
    assert set(rates(model, 1.0).values()) == {1.0}
