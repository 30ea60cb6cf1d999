"""What holds for BERT holds for its relatives."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, GPT2Config, MobileBertConfig, RobertaConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import (
    classify,
    embed,
    encoder_layers,
    evenly_spaced,
    family,
    head_counts,
    is_token_level,
    neuron_counts,
    positions,
    run_layers,
    with_layers,
)
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import keep_layers, without
from tests.support.uneven import HEADS, IDS, MASK, NEURONS, logits, seen, types_for


def test_embeddings_layers_and_head_are_the_whole_model(any_model: Path) -> None:
    cut = without(load_classifier(any_model), HEADS, NEURONS)
    types = types_for(cut)
    with torch.no_grad():
        hidden = run_layers(encoder_layers(cut), embed(cut, IDS, types), MASK)
        assert (seen(classify(cut, hidden)) - logits(cut, token_type_ids=types)).abs().max() < 1e-5


def test_the_head_is_told_by_the_model_and_by_its_configuration(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    token_level = any_model.name.endswith("tokens")
    cut = without(model, HEADS, NEURONS)
    for asked in (model, model.config, cut, keep_layers(cut, [0, 3])):
        assert is_token_level(asked) == token_level
    assert logits(cut).shape == ((9, 2) if token_level else (2, 2))


def test_any_other_architecture_is_refused() -> None:
    with pytest.raises(
        BadInput, match="a gpt2 model cannot be compressed; expected one of: bert, roberta, electra, ernie"
    ):
        family(GPT2Config())
    for ask in (family, head_counts, neuron_counts):
        with pytest.raises(BadInput, match="a mobilebert model cannot be compressed"):
            ask(MobileBertConfig())


def test_positions_that_a_text_may_take() -> None:
    assert positions(MobileBertConfig(max_position_embeddings=512)) == 512
    assert positions(RobertaConfig(max_position_embeddings=514, pad_token_id=1)) == 512


def test_a_configuration_with_some_layers_in_a_given_order() -> None:
    even = BertConfig(num_hidden_layers=4, num_attention_heads=4, intermediate_size=64)
    kept = with_layers(even, [3, 1])
    assert (kept.num_hidden_layers, head_counts(kept), neuron_counts(kept)) == (2, [4, 4], [64, 64])
    uneven = BertConfig(num_hidden_layers=4, layer_heads=[4, 3, 0, 1], layer_intermediate=[9, 8, 0, 7])
    kept = with_layers(uneven, [3, 1])
    assert (kept.num_hidden_layers, head_counts(kept), neuron_counts(kept)) == (2, [1, 3], [7, 8])
    assert uneven.num_hidden_layers == 4 and uneven.layer_heads == [4, 3, 0, 1], "the given one was changed"


def test_layers_are_chosen_at_the_end_of_equal_stretches() -> None:
    assert evenly_spaced(12, 4) == [2, 5, 8, 11]
    assert evenly_spaced(12, 1) == [11]
    assert evenly_spaced(4, 4) == [0, 1, 2, 3]
    assert evenly_spaced(7, 3) == [1, 3, 6]
    with pytest.raises(BadInput, match=r"student\.layers is 5, the model has 4; allowed: 1 to 4"):
        evenly_spaced(4, 5)
