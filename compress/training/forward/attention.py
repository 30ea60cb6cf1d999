"""Attention and dropout for training on the CPU, where PyTorch's own take most of the time of a step.

PyTorch's fused kernel has a slow backward pass there and no dropout; with dropout it draws a random number per weight.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

_NAME = "pocketbert_training"
_LEVELS = 256
"""Values of a random byte: the steps in which a dropout rate can be chosen."""


@contextmanager
def fast_on_cpu(model: PreTrainedModel) -> Iterator[None]:
    """Replace attention and dropout of `model` by those of this module inside the block; for training on the CPU."""
    config, dropouts = model.config, [module for module in model.modules() if type(module) is nn.Dropout]
    own = config._attn_implementation
    config._attn_implementation = _NAME
    for module in dropouts:
        module.forward = partial(_forward, module)  # type: ignore[method-assign]
    try:
        yield
    finally:
        config._attn_implementation = own
        for module in dropouts:
            del module.forward


def drop(values: Tensor, rate: float) -> tuple[Tensor, float]:
    """Set a random share `rate` of `values` to zero (Srivastava et al. 2014).

    One random byte decides about each value, so that the rate is a multiple of 1/256: 0.1 becomes 0.1016.

    Returns:
        The values, and the factor by which they must be multiplied, or what is linear in them.
    """
    dropped, size = round(rate * _LEVELS), values.numel()
    if not dropped:
        return values, 1.0
    if dropped == _LEVELS:
        return values * 0, 1.0
    drawn = torch.empty(-(-size // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = (drawn.view(torch.uint8)[:size] >= dropped).view(values.shape)
    return values * kept.to(values.dtype), _LEVELS / (_LEVELS - dropped)


def _forward(module: nn.Dropout, values: Tensor) -> Tensor:
    if not module.training:
        return values
    left, factor = drop(values, module.p)
    return left * factor


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Compute attention by products of matrices: three (rows, heads, tokens, size) -> (rows, tokens, heads, size).

    Their backward pass is fast on the CPU. In evaluation there is none, and PyTorch's own attention is faster.
    """
    if not module.training:
        attended: tuple[Tensor, None] = ALL_ATTENTION_FUNCTIONS["sdpa"](
            module, query, key, value, mask, scaling=scaling
        )
        return attended
    scores = torch.matmul(query * (scaling or query.shape[-1] ** -0.5), key.transpose(-1, -2))
    if mask is not None:
        hidden = torch.zeros(mask.shape, dtype=scores.dtype).masked_fill_(~mask, torch.finfo(scores.dtype).min)
        scores.add_(hidden)  # in place: the product does not need its own result again
    shares, factor = drop(torch.softmax(scores, dim=-1).to(value.dtype), dropout)
    return torch.matmul(shares, value).mul_(factor).transpose(1, 2), None


ALL_ATTENTION_FUNCTIONS.register(_NAME, _attend)
ALL_MASK_ATTENTION_FUNCTIONS.register(_NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
