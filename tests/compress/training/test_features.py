from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertForTokenClassification,
    MobileBertConfig,
    MobileBertForSequenceClassification,
    PreTrainedModel,
)

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.training.features import Key, Part, capture, width
from pocketbert.compress.training.losses.attention_scores import scaled_dot_products

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
ATTENTION: tuple[Part, ...] = ("query", "key", "value")


def caught(model: PreTrainedModel, keys: list[Key]) -> dict[Key, Tensor]:
    with capture(model, keys) as found:
        model(input_ids=IDS, attention_mask=MASK)
    assert {key: vectors.shape for key, vectors in found.items()} == {
        key: (2, 5, width(model.config, key)) for key in keys
    }
    return found


def assert_as_transformers_says(model: PreTrainedModel, layers: range, heads: int) -> None:
    """Hidden states and attention maps, which the eager attention writes down."""
    model.eval().set_attn_implementation("eager")
    keys = [Key("embedding"), *(Key("hidden", n) for n in layers), *(Key(p, n) for n in layers for p in ATTENTION)]
    found = caught(model, keys)
    said = model(input_ids=IDS, attention_mask=MASK, output_hidden_states=True, output_attentions=True)
    assert torch.equal(found[Key("embedding")], said.hidden_states[0])
    for layer in layers:
        assert torch.equal(found[Key("hidden", layer)], said.hidden_states[layer + 1])
        scores = scaled_dot_products(found[Key("query", layer)], found[Key("key", layer)], heads)
        attention = scores.masked_fill(MASK[:, None, None, :] == 0, -torch.inf).softmax(-1)
        assert torch.allclose(attention, said.attentions[layer], atol=1e-6)


def test_every_family(any_model: Path) -> None:
    assert_as_transformers_says(load_classifier(any_model), range(4), heads=4)


def test_classifiers_of_tokens(tiny_model: Path) -> None:
    config = BertConfig.from_pretrained(tiny_model, num_labels=5)
    assert_as_transformers_says(BertForTokenClassification(config), range(4), heads=4)


def test_mobilebert() -> None:
    config = MobileBertConfig(
        vocab_size=32,
        hidden_size=48,
        embedding_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        intra_bottleneck_size=24,
        num_feedforward_networks=2,
    )
    assert_as_transformers_says(MobileBertForSequenceClassification(config), range(2), heads=4)
    assert (width(config, Key("hidden", 1)), width(config, Key("value", 1))) == (48, 24)


def test_layers_that_lost_heads(any_model: Path) -> None:
    cut = without(load_classifier(any_model), {0: [0, 3], 3: [0, 1, 2, 3]}, {})
    caught(cut, [Key("query", 0), Key("hidden", 3), Key("embedding")])
    assert width(cut.config, Key("query", 0)) == 16
    assert width(cut.config, Key("query", 3)) == 0


def test_the_fast_attention_is_caught_too(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    keys = [Key("query", 3), Key("hidden", 3)]
    fast = caught(model, keys)
    assert model.config._attn_implementation == "sdpa"
    model.set_attn_implementation("eager")
    eager = caught(model, keys)
    assert all(torch.allclose(fast[key][MASK == 1], eager[key][MASK == 1], atol=1e-5) for key in keys)


def test_gradients_flow(tiny_model: Path) -> None:
    model = load_classifier(tiny_model)
    caught(model, [Key("key", 2)])[Key("key", 2)].sum().backward()
    layers = model.base_model.encoder.layer
    assert layers[1].output.dense.weight.grad.abs().sum() > 0
    assert layers[2].output.dense.weight.grad is None


def test_the_hooks_are_gone_afterwards(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with pytest.raises(RuntimeError), capture(model, [Key("hidden", 0)]):
        raise RuntimeError
    found = caught(model, [Key("hidden", 0)])
    kept = found[Key("hidden", 0)]
    model(input_ids=IDS + 1)
    assert found[Key("hidden", 0)] is kept
    assert not any(module._forward_hooks for module in model.modules())
