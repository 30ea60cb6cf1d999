from itertools import chain

import torch
from transformers import BertConfig

from pocketbert.compress.models.sizes import head_macs, neuron_macs
from pocketbert.compress.pruning.selection import MULTIPLE, Cut, cheapest, head_units, neuron_units

CONFIG = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=3 * MULTIPLE)
HEADS = [torch.tensor([0.1, 0.2, 0.3, 0.15]), torch.tensor([5.0, 0.01, 6.0, 7.0])]
NEURONS = [torch.arange(3.0 * MULTIPLE), 100 + torch.arange(3.0 * MULTIPLE).flip(0)]


def test_least_important_heads_go_first_and_a_layer_may_lose_all() -> None:
    macs = head_macs(CONFIG)
    assert cheapest(head_units(HEADS, CONFIG), 2 * macs).heads == {0: [0], 1: [1]}
    assert cheapest(head_units(HEADS, CONFIG), 5 * macs).heads == {0: [0, 3, 1, 2], 1: [1]}
    assert cheapest(head_units(HEADS, CONFIG), 1).heads == {1: [1]}
    assert cheapest(head_units(HEADS, CONFIG), 0) == Cut(), "the target was reached before"


def test_widths_are_multiples() -> None:
    cut = cheapest(neuron_units(NEURONS, CONFIG), (MULTIPLE + 1) * neuron_macs(CONFIG))
    assert cut.neurons == {0: list(range(2 * MULTIPLE))}
    odd = [torch.arange(2.0 * MULTIPLE + 3)]
    first = next(neuron_units(odd, CONFIG))
    assert first.members == (0, 1, 2), "the first cut leaves a multiple behind"
    dead = [torch.zeros(2 * MULTIPLE + 3)]
    cut = cheapest(neuron_units(dead, CONFIG), 4 * neuron_macs(CONFIG))
    assert len(cut.neurons[0]) == MULTIPLE + 3, "neurons of equal score went in another order"


def test_heads_and_neurons_are_compared_by_what_they_save() -> None:
    heads, neurons = [torch.full((4,), 1.0)], [torch.full((MULTIPLE,), 1.0)]
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=MULTIPLE)
    per_mac = {"head": 1.0 / head_macs(config), "neuron": 1.0 / neuron_macs(config)}
    expected = min(per_mac, key=per_mac.__getitem__)
    cut = cheapest(chain(head_units(heads, config), neuron_units(neurons, config)), 1)
    assert (cut.heads if expected == "head" else cut.neurons) != {}
    assert (cut.neurons if expected == "head" else cut.heads) == {}


def test_the_costliest_layer_is_given_back() -> None:
    cut = Cut(heads={0: [0, 1], 1: [1]}, neurons={1: [0]})
    assert cut.costliest(HEADS, NEURONS) == 1
    assert cut.without_layers([1]) == Cut(heads={0: [0, 1]})
    assert cut.without_layers([1]).costliest(HEADS, NEURONS) is None, "giving the only layer back would leave nothing"
