"""Layer-wise learning-rate decay: the lower a layer, the less it changes in fine-tuning.

Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification" (https://arxiv.org/abs/1801.06146);
for BERT: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?" (https://arxiv.org/abs/1905.05583).
"""

from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer

from pocketbert.compress.models.families import encoder_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def decay_by_layer(optimizer: Optimizer, model: "PreTrainedModel", decay: float) -> None:
    """Multiply the learning rate of each parameter by `decay` for every layer above it, the head being one of them.

    Head, pooler and what belongs to no layer of `model` keep the optimizer's rate. Each group of the optimizer, which
    must be new, is divided by layers.
    """
    if decay == 1:
        return
    above, groups = _layers_above(model), []
    for group in optimizer.param_groups:
        for depth in sorted({above.get(parameter, 0) for parameter in group["params"]}):
            members = [parameter for parameter in group["params"] if above.get(parameter, 0) == depth]
            groups.append({**group, "params": members, "lr": group["lr"] * decay**depth})
    optimizer.param_groups = groups


def _layers_above(model: "PreTrainedModel") -> dict[Tensor, int]:
    """Return the number of layers above each parameter of embeddings and encoder, the head included."""
    base: Any = model.base_model
    blocks: list[list[Any]] = [[layer] for layer in encoder_layers(model)]
    blocks.insert(0, [base.embeddings, getattr(base, "embeddings_project", base.embeddings)])
    return {
        parameter: above
        for above, block in enumerate(reversed(blocks), start=1)
        for part in block
        for parameter in part.parameters()
    }
