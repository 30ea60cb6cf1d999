"""MACs counted from shapes are those of the matrices that a forward pass multiplies."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification, MobileBertConfig

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import (
    count_macs,
    count_parameters,
    count_zeros,
    encoder_macs,
    head_macs,
    layer_macs,
    neuron_macs,
)
from pocketbert.compress.pruning.surgery import without
from tests.support.models import write_any_model

LENGTH = 16


def macs_of_a_forward_pass(model: Any) -> int:
    """torch counts 2 FLOPs per multiply-accumulate; attention in one kernel would be counted by another rule."""
    model.requires_grad_(False)
    model.config._attn_implementation = "eager"
    ids = torch.full((1, LENGTH), 5)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return counter.get_total_flops() // 2


def test_macs_are_those_of_a_forward_pass(any_model: Path) -> None:
    model = load_classifier(any_model)
    for each in (model, without(model, {0: [0, 3], 3: [0, 1, 2, 3]}, {0: list(range(10)), 3: list(range(64))})):
        assert count_macs(each, LENGTH) == macs_of_a_forward_pass(each)


@pytest.mark.parametrize("changes", [{}, {"use_bottleneck_attention": True}, {"num_feedforward_networks": 2}])
def test_macs_of_a_bottleneck_are_those_of_a_forward_pass(tmp_path: Path, changes: dict[str, Any]) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = write_any_model(tmp_path, "mobilebert", **changes)
    model = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    assert count_macs(model, LENGTH) == macs_of_a_forward_pass(model)


def test_a_layer_is_its_heads_and_neurons() -> None:
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    assert layer_macs(config) == [4 * head_macs(config) + 64 * neuron_macs(config)] * 2
    assert encoder_macs(config, 64) < encoder_macs(config) == sum(layer_macs(config))
    assert layer_macs(MobileBertConfig(num_hidden_layers=3))[1:] == layer_macs(MobileBertConfig(num_hidden_layers=2))


def test_macs_of_a_whole_encoder() -> None:
    config = BertConfig()  # BERT base at 128 tokens: 11.17 G
    assert encoder_macs(config, 128) == 12 * (128 * 12 * 768**2 + 2 * 128 * 128 * 768)


def test_the_head_of_a_tagger_runs_at_every_token(tmp_path: Path) -> None:
    models = [load_classifier(write_any_model(tmp_path, "bert", level)) for level in (False, True)]
    texts, tokens = (count_macs(model, LENGTH) - encoder_macs(model.config, LENGTH) for model in models)
    assert texts == 32 * 32 + 2 * 32, "pooler and classifier, once"
    assert tokens == LENGTH * 2 * 32


def test_weights_and_zeros_are_counted() -> None:
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
        model.classifier.weight[0, :3] = torch.tensor([0.0, -0.0, 1e-30])
    assert count_zeros(model) == 2
    assert count_parameters(model) == sum(tensor.numel() for tensor in model.state_dict().values())
