"""Layer pruning: removes the listed layers, or the least important ones."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.sizes import layer_macs
from pocketbert.compress.stages.cuts import CutParameters, recovered
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(CutParameters):
    """Parameters of layer pruning. `ratio` and `target_macs` remove the layers that `importance` ranks lowest."""

    explicit: ClassVar[str] = "layers"
    at_most: ClassVar[str] = "with one layer left"

    kind: Literal["prune-layers"] = "prune-layers"
    """Selects this stage."""
    layers: tuple[int, ...] | None = None
    """Numbers of the layers to remove, counted from 0."""
    importance: Literal["similarity", "loss", "top", "alternate"] = "similarity"
    """How layers are ranked. ``similarity``: 1 - cosine between a layer's input and output, mean over the tokens
    ("block influence", Men et al. 2024, ShortGPT). ``loss``: the loss without the layer on validation examples.
    ``top``: removes from the top. ``alternate``: removes every second layer from the top, then every second one of the
    rest (both Sajjad et al. 2023, "On the Effect of Dropping Layers of Pre-trained Transformer Models")."""
    calibration_rows: int = Field(512, ge=1)
    """Number of examples on which layers are ranked: training examples for ``similarity``, validation examples for
    ``loss``. These are the first ones, or evenly spaced ones if these lack a label."""

    def check(self, config: "PretrainedConfig") -> None:
        from pocketbert.compress.pruning.surgery import check_units

        super().check(config)
        count = config.num_hidden_layers
        check_units(self.kind, "part", dict.fromkeys(self.layers or (), ()), [1] * count)
        if len(set(self.layers or ())) == count:
            raise BadInput(f"prune-layers: layers lists all {count} layers of the model; leave out at least one")

    def config_left(self, config: "PretrainedConfig") -> "PretrainedConfig":
        from pocketbert.compress.models.families import with_layers

        removed = set(self.layers or ()) - set(self.spare)
        return with_layers(config, [n for n in range(config.num_hidden_layers) if n not in removed])

    def most_macs(self, config: "PretrainedConfig") -> int:
        costs = layer_macs(config)
        return sum(costs) - min(costs)  # one layer stays


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` with fewer layers."""
    from pocketbert.compress.pruning.surgery import keep_layers

    removed = choose(model, context, parameters)
    kept = [layer for layer in range(model.config.num_hidden_layers) if layer not in removed]
    return recovered(keep_layers(model, kept), context, parameters)


def choose(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[int]:
    """Choose the layers to remove, the least important first; one layer always stays."""
    if parameters.layers is not None:
        return [layer for layer in parameters.layers if layer not in parameters.spare]
    scores = _scores(model, context, parameters)
    ranked = sorted((score, layer) for layer, score in enumerate(scores))
    costs = layer_macs(model.config)
    most = sum(costs) if parameters.ratio else sum(costs[layer] for _, layer in ranked[:-1])
    macs = parameters.macs_to_remove(sum(costs), context.teacher_macs, most)
    removed: list[int] = []
    for _, layer in ranked[:-1]:
        # A ratio is rounded to whole layers, at least one; a target has to be met.
        rounding = costs[layer] / 2 if parameters.ratio else 0
        if sum(costs[other] for other in removed) + rounding >= macs and (removed or not parameters.ratio):
            break
        removed.append(layer)
    return [layer for layer in removed if layer not in parameters.spare]


def costliest(model: "PreTrainedModel", context: Context, parameters: Parameters) -> int | None:
    """Find the most important of the layers to remove, or None if only one is removed."""
    scores = _scores(model, context, parameters)
    removed = choose(model, context, parameters)
    return max(removed, key=scores.__getitem__) if len(removed) > 1 else None


def cut_of(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[int]:
    """Return what these parameters cut: several strengths may remove the same layers."""
    return sorted(choose(model, context, parameters))


def _scores(model: "PreTrainedModel", context: Context, parameters: Parameters) -> list[float]:
    """Score the layers once for all strengths; only ``loss`` uses the validation examples."""
    from pocketbert.compress.pruning.layer_importance import layer_importance

    method = parameters.importance
    key = ("layers", method)
    if key not in context.memo:
        rows = (context.validation if method == "loss" else context.train).sample(parameters.calibration_rows)
        context.memo[key] = layer_importance(model, rows, method, context.progress)
    scores: list[float] = context.memo[key]
    return scores
