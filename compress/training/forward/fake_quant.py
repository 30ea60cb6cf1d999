"""Quantization-aware training: the forward pass rounds weights and activations as exported files do.

Gradients pass through the rounding unchanged, so the float weights learn to bear it: the straight-through estimator of
Bengio et al. 2013, "Estimating or Propagating Gradients Through Stochastic Neurons"
(https://arxiv.org/abs/1308.3432), in the training of Jacob et al. 2018, "Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference" (https://arxiv.org/abs/1712.05877).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import TrainerCallback

from pocketbert.compress.models.rounding import (
    LEVELS,
    LINEAR_LEVELS,
    SMALLEST_ROW_SCALE,
    row_precision,
    stored_precision,
)
from pocketbert.compress.training.forward.padding import Visible, visible_tokens

START = 0.5
"""Share of the training steps that are made before training rounds too. Until then the weights are far from where they
end, and 15 levels would only add noise; the learning rate then falls from its half to 0, so that weights settle."""


class FakeQuant(TrainerCallback):
    """Switch of the rounding in training, set before each step by the step's number alone: a resumed training agrees.

    In evaluation mode the model always rounds, so that the best epoch is chosen by what the file will compute.
    """

    active = False
    visible = Visible()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.active = state.global_step >= START * state.max_steps


@contextmanager
def fake_quantized(model: nn.Module, precision: str) -> Iterator[FakeQuant]:
    """Make linear layers and embedding matrices of `model` round inside the block; yields the callback of the training.

    Parameters keep their names and their float values inside the block, so checkpoints are those of a training without
    rounding. Call `round_weights` after the training.

    Args:
        precision: of the weights, ``int8`` or ``int4``. Activations are rounded to 8 bits in both.
    """
    switch = FakeQuant()
    replaced = [module for module in model.modules() if type(module) in _FORWARDS]
    with visible_tokens(model) as switch.visible:
        for module in replaced:
            stored = _stored(module, precision)
            module.__dict__["forward"] = partial(_FORWARDS[type(module)], module, switch, stored)
        try:
            yield switch
        finally:
            for module in replaced:
                del module.__dict__["forward"]


@torch.no_grad()
def round_weights(model: nn.Module, precision: str) -> None:
    """Replace the weights that `fake_quantized` rounds by their rounded values, in place.

    In the last part of the training these made every prediction. The float weights next to them made none, and predict
    something else. Rounding them again, as the exporter does, changes nothing.
    """
    for module in model.modules():
        if type(module) in _ROUNDED:
            weight = module.get_parameter("weight")
            weight.copy_(_ROUNDED[type(module)](weight, _stored(module, precision)))


def _stored(module: nn.Module, precision: str) -> str:
    """Return the precision of the module's weight in an ONNX file of that `precision`."""
    weight = module.get_parameter("weight")
    if isinstance(module, nn.Embedding):
        return row_precision(weight.shape, precision)
    return stored_precision(weight.numel(), precision)


@torch.no_grad()
def round_rows(values: Tensor, precision: str) -> Tensor:
    """Round each row, (…, width), as `pocketbert.compress.models.rounding.round_rows` does."""
    levels = LEVELS[precision]
    scales = (values.abs().amax(dim=-1, keepdim=True) / levels).clamp_min(SMALLEST_ROW_SCALE).half().float()
    return (values / scales).round_().clamp_(-levels, levels).mul_(scales)


@torch.no_grad()
def round_outputs(weight: Tensor, precision: str) -> Tensor:
    """Round a weight, (out, in), as `pocketbert.compress.models.rounding.round_outputs` does."""
    scales = weight.abs().amax(dim=1, keepdim=True) / LINEAR_LEVELS[precision]
    scales = scales.where(scales >= torch.finfo(torch.float32).tiny, 1.0)
    return (weight / scales).round_().mul_(scales)


@torch.no_grad()
def round_activations(values: Tensor, visible: Tensor | None = None) -> Tensor:
    """Round what goes into a linear layer, (texts, …), to 8 bits by the rule of ONNX's DynamicQuantizeLinear.

    Each text has its own scale and zero point, because an app asks one text at a time, without padding.

    Args:
        visible: (texts, tokens) of `values` of (texts, tokens, width), not 0 where a token is no padding; None: all.
    """
    values = values.float()
    low, high = values.amin(-1, keepdim=True), values.amax(-1, keepdim=True)
    if visible is not None:
        padding = (visible == 0)[:, :, None]
        low, high = low.masked_fill(padding, 0), high.masked_fill(padding, 0)  # 0 is in every range
    each = tuple(range(1, values.dim()))
    low, high = low.amin(each, keepdim=True).clamp(max=0), high.amax(each, keepdim=True).clamp(min=0)
    scale = (high - low) / 255
    scale = scale.where(scale > 0, 1.0)
    zero = (-low / scale).round().clamp(0, 255)
    return (values / scale).round_().add_(zero).clamp_(0, 255).sub_(zero).mul_(scale)  # in place: no copies


class _StraightThrough(torch.autograd.Function):
    """Replaces values by their rounded ones; the gradient takes no notice."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, rounded: Tensor) -> Tensor:
        return rounded.to(values.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    """Return `rounded`, whose gradient goes to `values`."""
    replaced: Tensor = _StraightThrough.apply(values, rounded)  # type: ignore[no-untyped-call]
    return replaced


def _linear(module: nn.Linear, switch: FakeQuant, precision: str, hidden: Tensor) -> Tensor:
    if module.training and not switch.active:
        return functional.linear(hidden, module.weight, module.bias)
    weight = straight_through(module.weight, round_outputs(module.weight, precision))
    rounded = round_activations(hidden, switch.visible.of(hidden))
    return functional.linear(straight_through(hidden, rounded), weight, module.bias)


def _embedding(module: nn.Embedding, switch: FakeQuant, precision: str, ids: Tensor) -> Tensor:
    rows = nn.Embedding.forward(module, ids)
    if module.training and not switch.active:
        return rows
    return straight_through(rows, round_rows(rows, precision))  # the rounded matrix's rows: each has its own scale


_FORWARDS: dict[type[nn.Module], Any] = {nn.Linear: _linear, nn.Embedding: _embedding}
"""Kind of module -> its forward pass with rounding."""
_ROUNDED: dict[type[nn.Module], Callable[[Tensor, str], Tensor]] = {nn.Linear: round_outputs, nn.Embedding: round_rows}
"""Kind of module -> the rounding of its weight."""
