"""A model without some heads, neurons or layers computes what the whole model computes with them masked or skipped."""

from pathlib import Path

import pytest
import torch

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import classify, embed, encoder_layers, head_counts, neuron_counts
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import count_macs, count_parameters
from pocketbert.compress.pruning.importance import masks
from pocketbert.compress.pruning.surgery import Units, check_units, cut_channels, keep_layers, without
from tests.support.uneven import HEADS, IDS, MASK, NEURONS, logits, seen


def test_masked_and_cut_give_the_same_logits(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    with masks(model) as put, torch.no_grad():
        for layer, units in HEADS.items():
            put.heads[layer][:, units] = 0.0
        for layer, units in NEURONS.items():
            put.neurons[layer][:, units] = 0.0
        masked = logits(model)
    cut = without(model, HEADS, NEURONS)
    assert (logits(cut) - masked).abs().max() < 1e-5
    assert (logits(cut) - logits(model)).abs().max() > 1e-4, "pruning did nothing, the test proves nothing"
    assert count_parameters(cut) < count_parameters(model)
    assert count_macs(cut) < count_macs(model)
    assert not [name for name, weight in cut.state_dict().items() if weight.numel() == 0]


def test_left_out_layers_are_skipped_layers(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    with torch.no_grad():
        hidden = embed(model, IDS)
        for layer in (0, 3):
            hidden = encoder_layers(model)[layer](hidden, MASK[:, None, None, :].bool())
        skipped = classify(model, hidden)
    assert (logits(keep_layers(model, [0, 3])) - seen(skipped)).abs().max() < 1e-5


def test_layers_keep_their_shapes_and_the_order_asked_for(tiny_model: Path) -> None:
    uneven = without(load_classifier(tiny_model), HEADS, NEURONS)
    made = keep_layers(uneven, [3, 1])
    assert head_counts(made.config) == [0, 3]
    assert neuron_counts(made.config) == [0, 64]
    theirs = encoder_layers(uneven)[1].output.dense.weight
    mine = encoder_layers(made)[1].output.dense.weight
    assert torch.equal(mine, theirs)
    assert mine.data_ptr() != theirs.data_ptr(), "the copy shares its weights with the source"


def test_the_source_is_left_as_it_was(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    before = logits(model)
    with torch.no_grad():
        for weight in without(model, {0: [1]}, {0: [5]}).parameters():
            weight.zero_()
    assert torch.equal(logits(model), before)
    assert head_counts(model.config) == [4] * 4


def test_cutting_twice_counts_what_is_left(any_model: Path) -> None:
    once = without(load_classifier(any_model), {0: [0], 1: [0, 1, 2, 3]}, {0: [0]})
    twice = without(once, {0: [2]}, {0: [62]})
    assert head_counts(twice.config) == [2, 0, 4, 4]
    assert neuron_counts(twice.config)[0] == 62
    with pytest.raises(BadInput, match="layer 0 has no head 2; allowed: 0 to 1"):
        without(twice, {0: [2]}, {})
    with pytest.raises(BadInput, match="layer 1 has no head 0; allowed: none"):
        without(twice, {1: [0]}, {})


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ({2: [0]}, "prune-heads: there is no layer 2; allowed: 0 to 1"),
        ({-1: ()}, "prune-heads: there is no layer -1; allowed: 0 to 1"),
        ({0: [1, 4]}, "prune-heads: layer 0 has no head 4; allowed: 0 to 3"),
        ({0: [-1]}, "prune-heads: layer 0 has no head -1; allowed: 0 to 3"),
        ({1: [0]}, "prune-heads: layer 1 has no head 0; allowed: none, it has no heads left"),
    ],
)
def test_a_unit_that_does_not_exist_is_refused(removed: Units, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_units("prune-heads", "head", removed, [4, 0])
    assert str(refused.value) == said


def test_units_that_exist_are_accepted() -> None:
    check_units("prune-heads", "head", {0: [0, 3], 1: ()}, [4, 0])


def test_channels_are_kept_on_both_sides() -> None:
    weights = {"0.in.weight": torch.arange(6.0).view(3, 2), "0.in.bias": torch.arange(3.0)}
    weights |= {"0.out.weight": torch.arange(12.0).view(4, 3), "0.out.bias": torch.arange(4.0)}
    cut_channels(weights, "0.", ("in",), "out", torch.tensor([0, 2]))
    assert weights["0.in.weight"].tolist() == [[0, 1], [4, 5]]
    assert weights["0.in.bias"].tolist() == [0, 2]
    assert weights["0.out.weight"].tolist() == [[0, 2], [3, 5], [6, 8], [9, 11]]
    nothing = torch.tensor([], dtype=torch.long)
    for _ in range(2):  # again: nothing is left to remove
        cut_channels(weights, "0.", ("in",), "out", nothing)
        assert set(weights) == {"0.out.bias"}
