"""Head and FFN pruning together: removes the units of least importance per multiply-accumulate saved."""

from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import all_heads_macs, all_neurons_macs
from pocketbert.compress.pruning.selection import Cut, head_units, neuron_units
from pocketbert.compress.stages.cuts import ScoredParameters, cheapest_cut, check_attention, recovered, unit_scores
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(ScoredParameters):
    """Parameters of head and FFN pruning together."""

    explicit: ClassVar[str] = ""

    kind: Literal["prune-width"] = "prune-width"
    """Selects this stage."""

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        left = super().config_after(config, teacher)
        check_attention(self, left, teacher)
        return left

    def most_macs(self, config: "PretrainedConfig") -> int:
        return all_heads_macs(config) + all_neurons_macs(config)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` with fewer heads and narrower FFNs: the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    cut = choose(model, context, parameters)
    return recovered(without(model, cut.heads, cut.neurons), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """Choose the heads and neurons to remove."""
    scores = unit_scores(model, context, parameters)
    units = chain(head_units(scores.heads, model.config), neuron_units(scores.neurons, model.config))
    return cheapest_cut(model, context, parameters, units)


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """Find the layer that loses most, or None if only one layer loses anything."""
    scores = unit_scores(model, context, parameters)
    return choose(model, context, parameters).costliest(scores.heads, scores.neurons)
