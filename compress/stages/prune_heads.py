"""Cut attention heads out of the weights: an explicit table, or the least important ones."""

from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import encoder_macs, head_macs
from pocketbert.compress.pruning.selection import Cut, cheapest, head_units
from pocketbert.compress.stages.cuts import ScoredParameters, UnitsByLayer, recovered, unit_scores
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(ScoredParameters):
    """`heads` maps a layer to the heads that go; a layer may lose all of them."""

    explicit: ClassVar[str] = "heads"

    kind: Literal["prune-heads"] = "prune-heads"
    heads: UnitsByLayer | None = None

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import head_counts
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        check_units(self.kind, "head", self.heads or {}, head_counts(config))

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.models.families import head_counts

        gone = Cut(heads=self.heads or {}).sparing(self.spare).heads
        made = deepcopy(config)
        made.layer_heads = [heads - len(set(gone.get(n, ()))) for n, heads in enumerate(head_counts(config))]
        return made


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` without those heads; the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    return recovered(without(model, choose(model, context, parameters).heads, {}), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """The heads that go."""
    if parameters.heads is not None:
        return Cut(heads=parameters.heads).sparing(parameters.spare)
    scores = _scores(model, context, parameters)
    every = sum(len(layer) for layer in scores) * head_macs(model.config)
    macs = parameters.needed_macs(encoder_macs(model.config), context.teacher_macs, every)
    return cheapest(head_units(scores, model.config), macs).sparing(parameters.spare)


def _scores(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "list[Tensor]":
    """Scores of the heads; of first-order Taylor each layer's have an L2 norm of 1, as in Michel et al. (2019):
    gradients of different layers differ in scale.
    """
    scores = unit_scores(model, context, parameters).heads
    if parameters.importance != "taylor":
        return scores
    return [layer / layer.norm().clamp_min(1e-12) for layer in scores]


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """The layer that loses most; None when no other one loses anything."""
    return choose(model, context, parameters).costliest(_scores(model, context, parameters), [])
