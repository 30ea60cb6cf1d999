"""Unstructured sparsity: sets the smallest weights to 0. The zipped file shrinks; dense kernels are no faster.

L1 unstructured pruning (Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.stages.cuts import RecoverableParameters, recovered
from pocketbert.compress.training.context import Context

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel


class Parameters(RecoverableParameters):
    """Parameters of unstructured sparsity, for the matrices of all linear layers below the head (encoder, pooler,
    projections of embeddings). Biases, layer norms, position embeddings and the head stay dense.
    """

    kind: Literal["sparsify"] = "sparsify"
    """Selects this stage."""
    amount: float = Field(gt=0, lt=1)
    """Share of the weights that becomes 0."""
    scope: Literal["layer", "global"] = "layer"
    """``layer`` takes the share of each matrix, ``global`` of all matrices together, by one threshold."""
    embeddings: bool = False
    """Also set weights of the token embeddings to 0."""

    def check(self, config: "PretrainedConfig") -> None:
        if not (config.num_hidden_layers or self.embeddings):
            raise BadInput("sparsify: a static model has no layers; add embeddings = true, or remove this stage")

    @property
    def strength(self) -> float:
        return self.amount

    def with_strength(self, strength: float) -> Self:
        return self.model_copy(update={"amount": strength})


def run(model: "PreTrainedModel", context: Context, parameters: Parameters) -> "PreTrainedModel":
    """Return `model` with zeros and unchanged shapes; recovery training keeps the zeros."""
    chosen = weights(model, parameters.embeddings)
    for group in [chosen] if parameters.scope == "global" else [[weight] for weight in chosen]:
        set_to_zero(group, parameters.amount)
    with zeros_held(model):
        return recovered(model, context, parameters)


def weights(model: "PreTrainedModel", embeddings: bool) -> "list[Tensor]":
    """Return the matrices that may become sparse, (outputs, inputs) each; with `embeddings` also the token embeddings,
    (tokens, channels).
    """
    from torch import nn

    base: PreTrainedModel = model.base_model
    found: list[Tensor] = [module.weight for module in base.modules() if isinstance(module, nn.Linear)]
    if embeddings:
        found.append(base.get_input_embeddings().weight)
    return found


def set_to_zero(group: "list[Tensor]", amount: float) -> None:
    """Set the share `amount` of the values of `group` that have the least magnitude to 0, in place."""
    import torch

    with torch.no_grad():
        values = torch.cat([weight.flatten() for weight in group])
        values[values.abs().topk(round(amount * len(values)), largest=False).indices] = 0.0
        parts = torch.split(values, [weight.numel() for weight in group])
        for weight, part in zip(group, parts, strict=True):
            weight.copy_(part.view_as(weight))


@contextmanager
def zeros_held(model: "PreTrainedModel") -> Iterator[None]:
    """Keep every weight that is 0 on entry at 0 during training (Zhu & Gupta 2017, "To Prune, or Not to Prune": pruned
    weights get no gradient).

    Without a gradient AdamW takes no step, and its weight decay multiplies 0. The token embeddings are included even
    if this stage leaves them dense, because an earlier stage may have made them sparse.
    """
    held: list[tuple[Any, Tensor]] = [(weight, weight.detach() == 0) for weight in weights(model, embeddings=True)]
    handles = [weight.register_hook(partial(_without, zero)) for weight, zero in held]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _without(zero: "Tensor", gradient: "Tensor") -> "Tensor":
    return gradient.masked_fill(zero.to(gradient.device), 0.0)
