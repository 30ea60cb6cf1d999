"""Selection of the heads and neurons to remove: those of least importance per multiply-accumulate."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pocketbert.compress.models.sizes import head_macs, neuron_macs

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

MULTIPLE = 16
"""FFN widths are pruned to a multiple of this. ONNX Runtime INT8, 384 hidden, 128 tokens, one thread: 541 ns per neuron
at other widths near 750, 537 at multiples of 8, 533 of 16, 532 of 32 (studies.pruning.ffn_width).
"""


@dataclass(frozen=True)
class Unit:
    """Weights that are removed together: one head, or the neurons between one allowed FFN width and the next.

    `number` counts the units of a layer in the order of their removal.
    """

    kind: str
    layer: int
    number: int
    members: tuple[int, ...]
    score: float
    macs: int


@dataclass(frozen=True)
class Cut:
    """The heads and neurons to remove, by layer."""

    heads: dict[int, list[int]] = field(default_factory=dict)
    neurons: dict[int, list[int]] = field(default_factory=dict)

    def without_layers(self, layers: Collection[int]) -> "Cut":
        """Return a copy that removes nothing from `layers`."""
        heads = {layer: units for layer, units in self.heads.items() if layer not in layers}
        return Cut(heads, {layer: units for layer, units in self.neurons.items() if layer not in layers})

    def costliest(self, heads: "list[Tensor]", neurons: "list[Tensor]") -> int | None:
        """Find the layer that loses most by the scores of all heads and neurons, or None if only one loses anything."""
        cost: dict[int, float] = {}
        for chosen, scores in ((self.heads, heads), (self.neurons, neurons)):
            for layer, units in chosen.items():
                cost[layer] = cost.get(layer, 0.0) + float(scores[layer][units].sum())
        return max(cost, key=cost.__getitem__) if len(cost) > 1 else None


def head_units(scores: "list[Tensor]", config: "PretrainedConfig") -> Iterator[Unit]:
    """Yield each head as a unit."""
    macs = head_macs(config)
    for layer, values in enumerate(scores):
        for head, score in enumerate(values.tolist()):
            yield Unit("head", layer, head, (head,), score, macs)


def neuron_units(scores: "list[Tensor]", config: "PretrainedConfig") -> Iterator[Unit]:
    """Yield each layer's neurons by ascending score, grouped so that every width is a multiple of `MULTIPLE`."""
    macs = neuron_macs(config)
    for layer, values in enumerate(scores):
        order, at = values.argsort(stable=True).tolist(), 0
        while at < len(order):
            size = len(order) % MULTIPLE or MULTIPLE if at == 0 else MULTIPLE
            members = tuple(order[at : at + size])
            yield Unit("neuron", layer, at, members, sum(values[n].item() for n in members), size * macs)
            at += size


def cheapest(units: Iterable[Unit], macs: float) -> Cut:
    """Take units in ascending order of score per MAC until they save at least `macs`.

    Within a layer that is the order of the units, so every FFN width stays a multiple of `MULTIPLE`.
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
