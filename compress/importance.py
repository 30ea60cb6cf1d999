"""How much a head matters: first-order Taylor on head masks (Michel et al. 2019, "Are Sixteen Heads Really Better than
One?")."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from compress.stages import Context
from compress.tasks.encoding import batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


@contextmanager
def head_masks(model: "PreTrainedModel", rows: int = 1) -> Iterator[list[Tensor]]:
    """Ones, (rows, heads) per layer, multiplied into each head's context vector while the block runs; with gradients.

    With one row per text of the batch, the gradient of a summed loss is every text's own; 1 row serves all texts.
    """
    head_size = model.config.hidden_size // model.config.num_attention_heads
    masks, handles = [], []
    for layer in model.bert.encoder.layer:
        dense = layer.attention.output.dense
        mask = torch.ones(rows, dense.in_features // head_size, requires_grad=True)

        def multiply(_: nn.Module, inputs: tuple[Tensor], mask: Tensor = mask) -> tuple[Tensor]:
            return (inputs[0] * mask.repeat_interleave(head_size, dim=1)[:, None, :],)

        masks.append(mask)
        handles.append(dense.register_forward_pre_hook(multiply))
    try:
        yield masks
    finally:
        for handle in handles:
            handle.remove()


def head_importance(model: "PreTrainedModel", context: Context, calibration_rows: int) -> list[Tensor]:
    """Mean over the first `calibration_rows` training rows of |∂loss/∂mask|: (heads,) per layer, of L2 norm 1.

    The norm of each layer is taken out as in the paper: gradients of different layers differ in scale.
    """
    sequences = context.train.sequences[:calibration_rows]
    labels = torch.tensor(context.train.labels[:calibration_rows])
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    model.eval()
    scores: list[Tensor] = []
    with context.progress.work("scoring heads", len(sequences)) as work:
        for rows, batch in batches(sequences, _BATCH, context.padding):
            inputs = {name: torch.from_numpy(values) for name, values in batch.items()}
            with head_masks(model, len(rows)) as masks:
                logits = model(**inputs).logits
            loss = functional.cross_entropy(logits, labels[torch.from_numpy(rows)], reduction="sum")
            gradients = [gradient.abs().sum(dim=0) for gradient in torch.autograd.grad(loss, masks)]
            scores = [a + b for a, b in zip(scores, gradients, strict=True)] if scores else gradients
            work.advance(len(rows))
    for parameter in trainable:
        parameter.requires_grad_(True)
    return [score / score.norm().clamp_min(1e-12) for score in scores]
