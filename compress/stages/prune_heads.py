"""Cut attention heads out of the weights: an explicit table, or the least important ones."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from compress.errors import BadInput
from compress.stages import Context, StageParameters

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

HeadsByLayer = dict[int, list[int]]


class Parameters(StageParameters):
    """Either `heads` (layer -> heads to remove) or `ratio` (share of all heads to remove, least important first).

    `calibration_rows` training rows are scored for `ratio`; one head of each layer always stays.
    """

    kind: Literal["prune-heads"] = "prune-heads"
    heads: HeadsByLayer | None = None
    ratio: float | None = Field(None, gt=0, lt=1)
    calibration_rows: int = Field(512, ge=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.heads is None) == (self.ratio is None):
            raise ValueError("give either heads = {layer = [head, …]} or ratio = 0.25")
        return self

    def check(self, config: "PretrainedConfig") -> None:
        check_heads(self.heads or {}, [config.num_attention_heads] * config.num_hidden_layers)


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """`model` without those heads; the shapes shrink, no zeros are kept."""
    from compress.importance import head_importance

    if parameters.heads is not None:
        return without_heads(model, parameters.heads)
    scores = head_importance(model, context, parameters.calibration_rows)
    return without_heads(model, least_important([s.tolist() for s in scores], parameters.ratio or 0.0))


def least_important(scores: list[list[float]], ratio: float) -> HeadsByLayer:
    """The ``ratio`` of all heads with the lowest scores, the best of each layer excepted."""
    best = {(layer, max(range(len(row)), key=row.__getitem__)) for layer, row in enumerate(scores)}
    ranked = sorted((score, layer, head) for layer, row in enumerate(scores) for head, score in enumerate(row))
    candidates = [(layer, head) for _, layer, head in ranked if (layer, head) not in best]
    chosen: HeadsByLayer = {}
    for layer, head in candidates[: round(ratio * len(ranked))]:
        chosen.setdefault(layer, []).append(head)
    return chosen


def check_heads(heads: HeadsByLayer, counts: list[int]) -> None:
    """Raise `BadInput` for a layer or head that does not exist; `counts` are the heads of each layer."""
    for layer, removed in heads.items():
        if not 0 <= layer < len(counts):
            raise BadInput(f"prune-heads: there is no layer {layer}; legal: 0 to {len(counts) - 1}")
        count = counts[layer]
        if wrong := [head for head in removed if not 0 <= head < count]:
            raise BadInput(f"prune-heads: layer {layer} has no head {wrong[0]}; legal: 0 to {count - 1}")
        if len(set(removed)) == count:
            raise BadInput(f"prune-heads: layer {layer} would lose all its {count} heads; leave at least one")


def without_heads(model: "PreTrainedModel", heads: HeadsByLayer) -> "PreTrainedModel":
    """A model with the rows of query, key and value, and the columns of the output projection, of `heads` removed.

    Raises:
        BadInput: a layer or head that does not exist, or a layer that would lose all its heads.
    """
    import torch

    from compress.modeling import uneven_from

    config = model.config
    size = config.hidden_size // config.num_attention_heads
    weights = dict(model.state_dict())
    prefix = "bert.encoder.layer.{}.attention."
    counts = [
        weights[prefix.format(layer) + "self.query.weight"].shape[0] // size
        for layer in range(config.num_hidden_layers)
    ]
    check_heads(heads, counts)
    for layer, removed in heads.items():
        kept = [head for head in range(counts[layer]) if head not in removed]
        channels = torch.cat([torch.arange(head * size, (head + 1) * size) for head in kept])
        for name in ("query", "key", "value"):
            for part in ("weight", "bias"):
                key = prefix.format(layer) + f"self.{name}.{part}"
                weights[key] = weights[key][channels].clone()
        output = prefix.format(layer) + "output.dense.weight"
        weights[output] = weights[output][:, channels].clone()
    return uneven_from(model, weights).eval()
