"""Leave out whole layers: named ones, those that change their input least, or those that are missed least."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.sizes import layer_macs
from pocketbert.compress.stages.cuts import CutParameters, recovered
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(CutParameters):
    """`layers` are those that go; of a strength, `importance` says which.

    - ``similarity``: 1 - cosine of what enters a layer and what leaves it, mean over the tokens of the first
      `calibration_rows` training rows ("block influence", Men et al. 2024, ShortGPT).
    - ``loss``: the loss on the first `calibration_rows` validation rows without the layer.
    - ``top``: the highest go first. ``alternate``: every second one from the top, then every second one of the rest
      (both Sajjad et al. 2023, "On the Effect of Dropping Layers of Pre-trained Transformer Models").
    """

    explicit: ClassVar[str] = "layers"

    kind: Literal["prune-layers"] = "prune-layers"
    layers: tuple[int, ...] | None = None
    importance: Literal["similarity", "loss", "top", "alternate"] = "similarity"
    calibration_rows: int = Field(512, ge=1)

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        count = config.num_hidden_layers
        check_units(self.kind, "part", dict.fromkeys(self.layers or (), ()), [1] * count)
        if len(set(self.layers or ())) == count:
            raise BadInput(f"prune-layers: all {count} layers would go; leave at least one")

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.models.families import with_layers

        gone = set(self.layers or ()) - set(self.spare)
        return with_layers(config, [n for n in range(config.num_hidden_layers) if n not in gone])


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with fewer layers."""
    from pocketbert.compress.pruning.surgery import keep_layers

    gone = choose(model, context, parameters)
    return recovered(
        keep_layers(model, [n for n in range(model.config.num_hidden_layers) if n not in gone]), context, parameters
    )


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[int]:
    """The layers that go, the least important first; one always stays."""
    if parameters.layers is not None:
        return [layer for layer in parameters.layers if layer not in parameters.spare]
    scores = _scores(model, context, parameters)
    ranked = sorted((score, layer) for layer, score in enumerate(scores))
    costs = layer_macs(model.config)
    most = sum(costs) if parameters.ratio else sum(costs[layer] for _, layer in ranked[:-1])
    macs = parameters.needed_macs(sum(costs), context.teacher_macs, most)
    gone: list[int] = []
    for _, layer in ranked[:-1]:
        # A ratio is rounded to whole layers, at least one; a target has to be met.
        rounding = costs[layer] / 2 if parameters.ratio else 0
        if sum(costs[other] for other in gone) + rounding >= macs and (gone or not parameters.ratio):
            break
        gone.append(layer)
    return [layer for layer in gone if layer not in parameters.spare]


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """Of the layers that go, the one that is missed most; None when it is the only one."""
    scores = _scores(model, context, parameters)
    gone = choose(model, context, parameters)
    return max(gone, key=scores.__getitem__) if len(gone) > 1 else None


def _scores(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[float]:
    """Score the layers once for all strengths at which the stage is tried; ``loss`` is of validation rows."""
    from pocketbert.compress.pruning.layer_importance import layer_importance

    method = parameters.importance
    key = ("layers", method)
    if key not in context.memo:
        rows = (context.validation if method == "loss" else context.train).first(parameters.calibration_rows)
        context.memo[key] = layer_importance(model, rows, method, context.progress)
    scores: list[float] = context.memo[key]
    return scores
