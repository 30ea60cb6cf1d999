"""Attention head pruning: removes the listed heads, or the least important ones."""

from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar, Literal

from pocketbert.compress.models.sizes import all_heads_macs
from pocketbert.compress.pruning.selection import Cut, head_units
from pocketbert.compress.stages.cuts import (
    ScoredParameters,
    UnitsByLayer,
    cheapest_cut,
    check_attention,
    recovered,
    unit_scores,
)
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(ScoredParameters):
    """Parameters of attention head pruning."""

    explicit: ClassVar[str] = "heads"
    at_most: ClassVar[str] = "without any head"

    kind: Literal["prune-heads"] = "prune-heads"
    """Selects this stage."""
    heads: UnitsByLayer | None = None
    """Heads to remove, by layer, both counted from 0: ``{ 0 = [1, 3] }``. A layer may lose all its heads."""

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.models.families import head_counts
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        check_units(self.kind, "head", self.heads or {}, head_counts(config))

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.models.families import head_counts

        removed = Cut(heads=self.heads or {}).without_layers(self.spare).heads
        made = deepcopy(config)
        made.layer_heads = [heads - len(set(removed.get(n, ()))) for n, heads in enumerate(head_counts(config))]
        return made

    def config_after(self, config: "PretrainedConfig", teacher: "PretrainedConfig") -> "PretrainedConfig":
        left = super().config_after(config, teacher)
        if self.heads is None:
            check_attention(self, left, teacher)
        return left

    def most_macs(self, config: "PretrainedConfig") -> int:
        return all_heads_macs(config)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` without the chosen heads: the shapes shrink, no zeros are kept."""
    from pocketbert.compress.pruning.surgery import without

    return recovered(without(model, choose(model, context, parameters).heads, {}), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> Cut:
    """Choose the heads to remove."""
    if parameters.heads is not None:
        return Cut(heads=parameters.heads).without_layers(parameters.spare)
    units = head_units(_scores(model, context, parameters), model.config)
    return cheapest_cut(model, context, parameters, units)


def _scores(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "list[Tensor]":
    """Score the heads. Taylor scores are scaled to an L2 norm of 1 in each layer, as in Michel et al. (2019), because
    gradients of different layers differ in scale.
    """
    scores = unit_scores(model, context, parameters).heads
    if parameters.importance != "taylor":
        return scores
    return [layer / layer.norm().clamp_min(1e-12) for layer in scores]


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """Find the layer that loses most, or None if only one layer loses anything."""
    return choose(model, context, parameters).costliest(_scores(model, context, parameters), [])
