"""Cut heads and FFN neurons together: whatever costs the least importance per multiply-accumulate saved."""

from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pruning.selection import Cut, cheapest, head_units, neuron_units
from pocketbert.compress.stages.cuts import ScoredParameters, recovered, unit_scores
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Parameters(ScoredParameters):
    """`ratio` is the share of the encoder's multiply-accumulates that goes, `target_macs` what is left of them."""

    explicit: ClassVar[str] = ""

    kind: Literal["prune-width"] = "prune-width"


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with fewer heads and narrower FFNs; the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    cut = choose(model, context, parameters)
    return recovered(without(model, cut.heads, cut.neurons), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """The heads and neurons that go."""
    scores = unit_scores(model, context, parameters)
    now = encoder_macs(model.config)
    units = chain(head_units(scores.heads, model.config), neuron_units(scores.neurons, model.config))
    return cheapest(units, parameters.needed_macs(now, context.teacher_macs, now)).sparing(parameters.spare)


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """The layer that loses most; None when no other one loses anything."""
    scores = unit_scores(model, context, parameters)
    return choose(model, context, parameters).costliest(scores.heads, scores.neurons)
