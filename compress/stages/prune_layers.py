"""Leave out whole layers: named ones, those that change their input least, or those that are missed least."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compress.errors import BadInput
from compress.size import layer_macs
from compress.stages import Context
from compress.stages.strength import CutParameters, recovered

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
        from compress.surgery import check_units

        super().check(config)
        count = config.num_hidden_layers
        check_units(self.kind, "part", dict.fromkeys(self.layers or (), ()), [1] * count)
        if len(set(self.layers or ())) == count:
            raise BadInput(f"prune-layers: all {count} layers would go; leave at least one")

    def left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from compress.architectures import with_layers

        gone = set(self.layers or ()) - set(self.spare)
        return with_layers(config, [n for n in range(config.num_hidden_layers) if n not in gone])


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` with fewer layers."""
    from compress.surgery import keep_layers

    gone = choose(model, context, parameters)
    return recovered(
        keep_layers(model, [n for n in range(model.config.num_hidden_layers) if n not in gone]), context, parameters
    )


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[int]:
    """The layers that go, the least important first; one always stays."""
    if parameters.layers is not None:
        return [layer for layer in parameters.layers if layer not in parameters.spare]
    from compress.layer_importance import layer_importance

    scores = layer_importance(model, context, parameters.importance, parameters.calibration_rows)
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
    from compress.layer_importance import layer_importance

    scores = layer_importance(model, context, parameters.importance, parameters.calibration_rows)
    gone = choose(model, context, parameters)
    return max(gone, key=scores.__getitem__) if len(gone) > 1 else None
