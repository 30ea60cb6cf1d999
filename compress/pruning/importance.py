"""Importance of heads and FFN neurons: one score each, from one pass over labelled examples or from the weights.

- ``taylor``: mean |∂loss/∂mask| (Michel et al. 2019, "Are Sixteen Heads Really Better than One?").
- ``fisher``: mean (∂loss/∂mask)², the diagonal of the empirical Fisher information (Kwon et al. 2022, "A Fast
  Post-Training Pruning Framework for Transformers"): twice the second-order estimate of the loss increase without the
  unit, so scores of heads and neurons of all layers can be compared and added. The default
  (docs/pruning-results.md).
- ``magnitude``: the norm of the weights into the unit times the norm of the weights out of it.
- ``random``: the control.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.families import encoder_layers, head_counts, head_size, neuron_counts
from pocketbert.compress.models.sizes import head_macs, neuron_macs
from pocketbert.compress.tasks.inputs import Batch, as_tensors, batches
from pocketbert.compress.tasks.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


@dataclass(frozen=True)
class Scores:
    """Scores of heads and neurons: one tensor per layer, (heads,) and (neurons,)."""

    heads: list[Tensor]
    neurons: list[Tensor]


@contextmanager
def masks(model: "PreTrainedModel", rows: int = 1, only: int | None = None) -> Iterator[Scores]:
    """Multiply heads' contexts and neurons' activations by masks: ones, (rows, units) per layer, with gradients.

    With one row per text of the batch, the gradient of a summed loss has one row per text; a single row is shared by
    all texts. With `only`, the masks of all other layers have no effect.
    """
    made, handles = Scores([], []), []

    def put(layer: int, linear: nn.Module, count: int, channels: int) -> Tensor:
        mask = torch.ones(rows, count, requires_grad=True)

        def multiply(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
            return (inputs[0] * mask.repeat_interleave(channels, dim=1)[:, None, :],)

        if count and only in (None, layer):
            handles.append(linear.register_forward_pre_hook(multiply))
        return mask

    heads, widths = head_counts(model.config), neuron_counts(model.config)
    for number, (layer, count, width) in enumerate(zip(encoder_layers(model), heads, widths, strict=True)):
        made.heads.append(put(number, layer.attention.output.dense, count, head_size(model.config)))
        made.neurons.append(put(number, layer.output.dense, width, 1))
    try:
        yield made
    finally:
        for handle in handles:
            handle.remove()


def importance(model: "PreTrainedModel", rows: Rows, method: str, seed: int, progress: Progress) -> Scores:
    """Score all heads and neurons by one of `METHODS`.

    Args:
        rows: labelled examples; ``magnitude`` and ``random`` do not use them.
        seed: seed of ``random``.
    """
    if not any([*head_counts(model.config), *neuron_counts(model.config)]):
        method = "magnitude"  # the loss has no gradient where earlier stages have removed everything
    return METHODS[method](model, rows, seed, progress)


@torch.no_grad()
def _magnitude(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    made, size = Scores([], []), head_size(model.config)
    for layer, heads, width in zip(
        encoder_layers(model), head_counts(model.config), neuron_counts(model.config), strict=True
    ):
        made.heads.append(torch.zeros(0))
        made.neurons.append(torch.zeros(0))
        if heads:
            value, out = layer.attention.self.value.weight, layer.attention.output.dense.weight
            made.heads[-1] = value.view(heads, -1).norm(dim=1) * out.T.reshape(heads, -1).norm(dim=1) / size
        if width:
            made.neurons[-1] = layer.intermediate.dense.weight.norm(dim=1) * layer.output.dense.weight.norm(dim=0)
    return made


def _random(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    draw = torch.Generator().manual_seed(seed)
    # Scores per MAC have the same distribution for heads and neurons, so that equal shares of both are pruned.
    scale = head_macs(model.config) / neuron_macs(model.config)
    return Scores(
        [scale * torch.rand(count, generator=draw) for count in head_counts(model.config)],
        [torch.rand(width, generator=draw) for width in neuron_counts(model.config)],
    )


def _gradients(
    model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress, of: Callable[[Tensor], Tensor]
) -> Scores:
    """Average `of` (the gradient of an input's loss by each mask) over the inputs; weights get no gradient."""
    model.eval()
    sums: list[Tensor] = []
    with _frozen(model), progress.work("scoring heads and neurons", len(rows.inputs)) as work:
        for indices, batch in batches(rows.inputs, _BATCH):
            with masks(model, len(indices)) as put:
                loss = summed_loss(model, batch, rows, indices)
            every = [*put.heads, *put.neurons]
            found = torch.autograd.grad(loss, every, allow_unused=True, materialize_grads=True)
            added = [of(gradient).sum(dim=0) / len(rows.inputs) for gradient in found]
            sums = [a + b for a, b in zip(sums, added, strict=True)] if sums else added
            work.advance(len(indices))
    layers = len(encoder_layers(model))
    return Scores(sums[:layers], sums[layers:])


METHODS: dict[str, Callable[["PreTrainedModel", Rows, int, Progress], Scores]] = {
    "taylor": partial(_gradients, of=torch.abs),
    "fisher": partial(_gradients, of=torch.square),
    "magnitude": _magnitude,
    "random": _random,
}


def summed_loss(model: "PreTrainedModel", batch: Batch, rows: Rows, indices: NDArray[np.intp]) -> Tensor:
    """Sum the cross-entropy over the predictions of a batch, which has the inputs `indices` of `rows`: a scalar."""
    logits = model(**as_tensors(batch)).logits
    positions = rows.inputs.positions(indices)
    answers = logits if positions is None else logits[positions]
    return functional.cross_entropy(
        answers, torch.from_numpy(rows.labels[rows.inputs.answers(indices)]), reduction="sum"
    )


@contextmanager
def _frozen(model: "PreTrainedModel") -> Iterator[None]:
    """Give no weight a gradient inside the block."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
