"""Make FFNs narrower: an explicit table of neurons, or the least important ones."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import encoder_macs, neuron_macs
from pocketbert.compress.pruning.selection import Cut, cheapest, neuron_units
from pocketbert.compress.stages.cuts import ScoredParameters, UnitsByLayer, recovered, unit_scores
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(ScoredParameters):
    """`neurons` maps a layer to the neurons that go. Widths chosen by a strength are multiples of 16."""

    explicit: ClassVar[str] = "neurons"

    kind: Literal["prune-ffn"] = "prune-ffn"
    neurons: UnitsByLayer | None = None

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import neuron_counts
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        check_units(self.kind, "neuron", self.neurons or {}, neuron_counts(config))


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with narrower FFNs; the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    return recovered(without(model, {}, choose(model, context, parameters).neurons), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """The neurons that go."""
    if parameters.neurons is not None:
        return Cut(neurons=parameters.neurons).sparing(parameters.spare)
    scores = _scores(model, context, parameters)
    every = sum(len(layer) for layer in scores) * neuron_macs(model.config)
    macs = parameters.needed_macs(encoder_macs(model.config), context.teacher_macs, every)
    return cheapest(neuron_units(scores, model.config), macs).sparing(parameters.spare)


def _scores(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "list[Tensor]":
    return unit_scores(model, context, parameters).neurons


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """The layer that loses most; None when no other one loses anything."""
    return choose(model, context, parameters).costliest([], _scores(model, context, parameters))
