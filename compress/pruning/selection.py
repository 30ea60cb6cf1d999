"""Which heads and neurons go: those that matter least for the multiply-accumulates they cost."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pocketbert.compress.models.sizes import head_macs, neuron_macs

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

MULTIPLE = 16
"""FFN widths are cut to a multiple of this. ONNX Runtime INT8, 384 hidden, 128 tokens, one thread: 541 ns per neuron
at widths near 750 that are no multiple, 537 at multiples of 8, 533 of 16, 532 of 32 (studies.pruning.ffn_width).
"""


@dataclass(frozen=True)
class Unit:
    """What goes together: one head, or the neurons that separate one legal FFN width from the next.

    `number` counts them within their layer, in the order in which they go.
    """

    kind: str
    layer: int
    number: int
    members: tuple[int, ...]
    score: float
    macs: int


@dataclass(frozen=True)
class Cut:
    """The units that go, by layer."""

    heads: dict[int, list[int]] = field(default_factory=dict)
    neurons: dict[int, list[int]] = field(default_factory=dict)

    def sparing(self, layers: Collection[int]) -> "Cut":
        """The same without what it takes from `layers`."""
        heads = {layer: units for layer, units in self.heads.items() if layer not in layers}
        return Cut(heads, {layer: units for layer, units in self.neurons.items() if layer not in layers})

    def costliest(self, heads: "list[Tensor]", neurons: "list[Tensor]") -> int | None:
        """The layer that loses most by scores of all heads and neurons; None when no other one loses anything."""
        cost: dict[int, float] = {}
        for chosen, scores in ((self.heads, heads), (self.neurons, neurons)):
            for layer, units in chosen.items():
                cost[layer] = cost.get(layer, 0.0) + float(scores[layer][units].sum())
        return max(cost, key=cost.__getitem__) if len(cost) > 1 else None


def head_units(scores: "list[Tensor]", config: "PretrainedConfig") -> Iterator[Unit]:
    """Every head is a unit of its own."""
    macs = head_macs(config)
    for layer, values in enumerate(scores):
        for head, score in enumerate(values.tolist()):
            yield Unit("head", layer, head, (head,), score, macs)


def neuron_units(scores: "list[Tensor]", config: "PretrainedConfig") -> Iterator[Unit]:
    """Neurons of a layer in ascending order of score, cut so that every width left is a multiple of `MULTIPLE`."""
    macs = neuron_macs(config)
    for layer, values in enumerate(scores):
        order, at = values.argsort(stable=True).tolist(), 0
        while at < len(order):
            size = len(order) % MULTIPLE or MULTIPLE if at == 0 else MULTIPLE
            members = tuple(order[at : at + size])
            yield Unit("neuron", layer, at, members, sum(values[n].item() for n in members), size * macs)
            at += size


def cheapest(units: Iterator[Unit], macs: float) -> Cut:
    """Units in ascending order of score per MAC until they save at least `macs`.

    Within a layer the order of scores is that of the units, so no width is left that is not a multiple.
    """
    cut, saved = Cut(), 0
    ranked = sorted(units, key=lambda unit: (unit.score / unit.macs, unit.layer, unit.number))
    for unit in ranked:
        if saved >= macs:
            break
        chosen = cut.heads if unit.kind == "head" else cut.neurons
        chosen.setdefault(unit.layer, []).extend(unit.members)
        saved += unit.macs
    return cut
