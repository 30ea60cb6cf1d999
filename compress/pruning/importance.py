"""How much heads and FFN neurons matter: one score each, from one pass over calibration rows or from the weights.

- ``taylor``: mean |∂loss/∂mask| (Michel et al. 2019, "Are Sixteen Heads Really Better than One?").
- ``fisher``: mean (∂loss/∂mask)², the diagonal of the empirical Fisher information (Kwon et al. 2022, "A Fast
  Post-Training Pruning Framework for Transformers"): twice the second-order estimate of what losing the unit costs, so
  scores of heads and neurons of all layers can be compared and added. The default: see docs/pruning.md.
- ``magnitude``: the norms of the weights that lead into the unit times those that lead out of it.
- ``random``: the control that every table needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """Per layer one score for each head, (heads,), and for each neuron, (neurons,)."""

    heads: list[Tensor]
    neurons: list[Tensor]


@contextmanager
def masks(model: "PreTrainedModel", rows: int = 1, only: int | None = None) -> Iterator[Scores]:
    """Ones, (rows, units) per layer, multiplied into heads' contexts and neurons' activations; with gradients.

    With one row per text of the batch, the gradient of a summed loss is every text's own; 1 row serves all texts. Those
    of the other layers than `only` are not multiplied into anything.
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
        rows: labelled rows; methods that read the weights alone do not use them.
        seed: of the method ``random``.
    """
    return METHODS[method](model, rows, seed, progress)


def _taylor(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    return _gradients(model, rows, progress, torch.abs)


def _fisher(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    return _gradients(model, rows, progress, torch.square)


def _magnitude(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    made, size = Scores([], []), head_size(model.config)
    for layer, heads, width in zip(
        encoder_layers(model), head_counts(model.config), neuron_counts(model.config), strict=True
    ):
        value, out = (layer.attention.self.value, layer.attention.output.dense) if heads else (None, None)
        made.heads.append(
            torch.zeros(0)
            if value is None or out is None
            else value.weight.view(heads, -1).norm(dim=1) * out.weight.T.reshape(heads, -1).norm(dim=1) / size
        )
        made.neurons.append(
            layer.intermediate.dense.weight.norm(dim=1) * layer.output.dense.weight.norm(dim=0)
            if width
            else torch.zeros(0)
        )
    return Scores([score.detach() for score in made.heads], [score.detach() for score in made.neurons])


def _random(model: "PreTrainedModel", rows: Rows, seed: int, progress: Progress) -> Scores:
    draw = torch.Generator().manual_seed(seed)
    # Per MAC saved, heads and neurons draw alike, so that the cut is as deep in the ones as in the others.
    scale = head_macs(model.config) / neuron_macs(model.config)
    return Scores(
        [scale * torch.rand(count, generator=draw) for count in head_counts(model.config)],
        [torch.rand(width, generator=draw) for width in neuron_counts(model.config)],
    )


METHODS: dict[str, Callable[["PreTrainedModel", Rows, int, Progress], Scores]] = {
    "taylor": _taylor,
    "fisher": _fisher,
    "magnitude": _magnitude,
    "random": _random,
}


def _gradients(model: "PreTrainedModel", rows: Rows, progress: Progress, of: Callable[[Tensor], Tensor]) -> Scores:
    """Mean over the inputs of `of` (the gradient of the input's loss by each mask); weights get no gradient."""
    model.eval()
    sums: list[Tensor] = []
    with _frozen(model), progress.work("scoring heads and neurons", len(rows.inputs)) as work:
        for numbers, batch in batches(rows.inputs, _BATCH):
            with masks(model, len(numbers)) as put:
                loss = summed_loss(model, batch, rows, numbers)
            every = [*put.heads, *put.neurons]
            found = torch.autograd.grad(loss, every, allow_unused=True, materialize_grads=True)
            added = [of(gradient).sum(dim=0) / len(rows.inputs) for gradient in found]
            sums = [a + b for a, b in zip(sums, added, strict=True)] if sums else added
            work.advance(len(numbers))
    layers = len(encoder_layers(model))
    return Scores(sums[:layers], sums[layers:])


def summed_loss(model: "PreTrainedModel", batch: Batch, rows: Rows, numbers: NDArray[np.intp]) -> Tensor:
    """Cross-entropy over the answers of a batch of `rows`, those of these numbers, a scalar."""
    logits = model(**as_tensors(batch)).logits
    positions = rows.inputs.positions(numbers)
    answers = logits if positions is None else logits[positions]
    return functional.cross_entropy(
        answers, torch.from_numpy(rows.labels[rows.inputs.answers(numbers)]), reduction="sum"
    )


@contextmanager
def _frozen(model: "PreTrainedModel") -> Iterator[None]:
    """No weight gets a gradient while the block runs."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
