"""Cut heads and FFN neurons together: whatever costs the least importance per multiply-accumulate saved."""

from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from compress.selection import Cut, cheapest, head_units, neuron_units
from compress.size import encoder_macs
from compress.stages import Context
from compress.stages.strength import ScoredParameters, recovered

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Parameters(ScoredParameters):
    """`ratio` is the share of the encoder's multiply-accumulates that goes, `target_macs` what is left of them."""

    explicit: ClassVar[str] = ""

    kind: Literal["prune-width"] = "prune-width"


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with fewer heads and narrower FFNs; the shapes shrink, no zeros are kept."""
    from compress.surgery import without

    cut = choose(model, context, parameters)
    return recovered(without(model, cut.heads, cut.neurons), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """The heads and neurons that go."""
    from compress.importance import importance

    scores = importance(model, context, parameters.importance, parameters.calibration_rows)
    now = encoder_macs(model.config)
    units = chain(head_units(scores.heads, model.config), neuron_units(scores.neurons, model.config))
    return cheapest(units, parameters.needed_macs(now, context.teacher_macs, now)).sparing(parameters.spare)


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """The layer that loses most; None when no other one loses anything."""
    from compress.importance import importance

    scores = importance(model, context, parameters.importance, parameters.calibration_rows)
    return choose(model, context, parameters).costliest(scores.heads, scores.neurons)
