"""Ranks linear layers and embeddings by their sensitivity to rounding, whatever the runtime."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.rounding import round_outputs, round_rows, stored_precision
from pocketbert.compress.pipeline.shipping.fallback import Costs
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, batches
from pocketbert.compress.training.forward.fake_quant import round_activations
from pocketbert.compress.training.forward.padding import Visible, visible_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 16
ROWS = 64
"""Training rows that the layers are scored on."""


def rounding_costs(model: "PreTrainedModel", inputs: Inputs, progress: Progress) -> Costs:
    """Compute the cost of rounding for all linear layers and embeddings, named as ``named_modules()`` does.

    A layer is rounded as runtimes do it: weights symmetric per output channel or per row, the inputs of a linear layer
    dynamically per request. Its cost is the mean square of the effect on the model's margin (the largest logit minus
    the next), to first order: the gradient of the margin times the error of the layer's output. This is the Taylor view
    of rounding of Nagel et al. 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization". One pass scores
    all layers in both precisions. Matrices that are INT8 in an INT4 file too have no cost of INT4, and embeddings of
    which the rows need one vector alone (token types of single texts) are left out: no file stores them rounded.

    Intel's Neural Compressor (its MSE strategy) and others rank by the error of a layer's own output, which predicts
    the effect on the model much worse. Rank correlation with rounding each layer alone, for a 4-layer student of 384
    channels: 0.99 to first order, 0.63 by the relative output error, 0.61 by the output error
    (`python -m studies.quantization.ranking`).
    """
    constant = ("task_type_embeddings",) if inputs.types else ("task_type_embeddings", "token_type_embeddings")
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding) and not name.endswith(constant)
    }
    shares = dict[tuple[str, str], Tensor]()
    scored = [(name, precision) for name, layer in layers.items() for precision in _precisions(layer)]
    costs = dict.fromkeys(scored, 0.0)
    model.eval()
    with ExitStack() as hooks:
        visible = hooks.enter_context(visible_tokens(model))
        for name, to in scored:
            hook = _add_error(layers[name], shares, (name, to), visible)
            hooks.callback(layers[name].register_forward_hook(hook).remove)
        with progress.work("ranking layers by what rounding costs in them", len(inputs)) as bar:
            for numbers, batch in batches(inputs, _BATCH):
                shares |= {each: torch.zeros(len(numbers), requires_grad=True) for each in scored}
                logits = model(**as_tensors(batch)).logits
                positions = inputs.positions(numbers)
                largest = (logits if positions is None else logits[positions]).topk(2).values
                margin = (largest[..., 0] - largest[..., 1]).sum()
                gradients = torch.autograd.grad(
                    margin, list(shares.values()), allow_unused=True, materialize_grads=True
                )
                for each, gradient in zip(shares, gradients, strict=True):
                    costs[each] += gradient.square().sum().nan_to_num(nan=inf, posinf=inf).item()
                bar.advance(len(numbers))
    return {name: {to: costs[name, to] / len(inputs) for to in _precisions(layer)} for name, layer in layers.items()}


def _precisions(layer: nn.Linear | nn.Embedding) -> list[str]:
    return ["int8"] if stored_precision(layer.weight.numel(), "int4") == "int8" else ["int8", "int4"]


def _add_error(
    layer: nn.Linear | nn.Embedding,
    shares: Mapping[tuple[str, str], Tensor],
    key: tuple[str, str],
    visible: Visible,
) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
    """Return a hook that adds a row's share of the rounding error to its output; the share is 0 and has a gradient."""
    weight = rounded_weight(layer, key[1])

    def add(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        with torch.no_grad():
            if isinstance(layer, nn.Linear):
                rounded = functional.linear(round_activations(inputs[0], visible.of(inputs[0])), weight, layer.bias)
            else:
                rounded = functional.embedding(inputs[0], weight)
            error = (rounded - output).nan_to_num(nan=torch.finfo(output.dtype).max)  # NaN is the worst answer
        return output + shares[key].view(-1, *[1] * (output.dim() - 1)) * error

    return add


def rounded_weight(layer: nn.Linear | nn.Embedding, precision: str) -> Tensor:
    """Round a weight, (out, in) or (rows, width), as a file of that `precision` stores it."""
    values = layer.weight.detach().numpy()
    integers, scales = (round_outputs if isinstance(layer, nn.Linear) else round_rows)(values, precision)
    return torch.from_numpy(integers * scales.astype(np.float32))
