"""FFN pruning: removes the listed neurons, or the least important ones."""

from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import all_neurons_macs
from pocketbert.compress.pruning.selection import Cut, neuron_units
from pocketbert.compress.stages.cuts import ScoredParameters, UnitsByLayer, cheapest_cut, recovered, unit_scores
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(ScoredParameters):
    """Parameters of FFN pruning. Widths that `ratio` or `target_macs` choose are multiples of 16."""

    explicit: ClassVar[str] = "neurons"
    at_most: ClassVar[str] = "without any FFN neuron"

    kind: Literal["prune-ffn"] = "prune-ffn"
    """Selects this stage."""
    neurons: UnitsByLayer | None = None
    """FFN neurons to remove, by layer, both counted from 0: ``{ 0 = [1, 3] }``."""

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import neuron_counts
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        check_units(self.kind, "neuron", self.neurons or {}, neuron_counts(config))

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.models.families import neuron_counts

        removed = Cut(neurons=self.neurons or {}).without_layers(self.spare).neurons
        made = deepcopy(config)
        counts = enumerate(neuron_counts(config))
        made.layer_intermediate = [neurons - len(set(removed.get(n, ()))) for n, neurons in counts]
        return made

    def most_macs(self, config: "PretrainedConfig") -> int:
        return all_neurons_macs(config)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` with narrower FFNs: the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    return recovered(without(model, {}, choose(model, context, parameters).neurons), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """Choose the neurons to remove."""
    if parameters.neurons is not None:
        return Cut(neurons=parameters.neurons).without_layers(parameters.spare)
    units = neuron_units(unit_scores(model, context, parameters).neurons, model.config)
    return cheapest_cut(model, context, parameters, units)


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """Find the layer that loses most, or None if only one layer loses anything."""
    return choose(model, context, parameters).costliest([], unit_scores(model, context, parameters).neurons)
