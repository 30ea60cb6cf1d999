"""Distillation of the similarities between the tokens of a text (MiniLM, MiniLMv2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pocketbert.compress.training.losses.attention_scores import scaled_dot_products
from pocketbert.compress.training.losses.attention_transfer import attention_divergence


def self_attention_relation(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor, heads: int) -> Tensor:
    """Compute KL(teacher ‖ student) of softmax(VVᵀ/√size), the mean over tokens, relation heads and vectors, a scalar.

    Wang et al. 2021, "MiniLMv2: Multi-Head Self-Attention Relation Distillation for Compressing Pretrained
    Transformers", section 3 (https://arxiv.org/abs/2012.15828): queries, keys and values of one layer, each split into
    relation heads, so that width and number of attention heads may differ from the teacher's. Values alone give
    MiniLM's value relation (Wang et al. 2020, section 3.2, https://arxiv.org/abs/2002.10957).

    Args:
        student: vectors of one layer, each (rows, tokens, width).
        teacher: as many, each (rows, tokens, width); the width may differ.
        mask: (rows, tokens), 1 where a token is visible.
        heads: number of relation heads, a divisor of both widths.

    Example:
        >>> import torch
        >>> values, mask = torch.tensor([[[1.0482, 0.0], [0.0, 0.0]]]), torch.tensor([[1, 1]])
        >>> round(self_attention_relation([0 * values], [values], mask, heads=2).item(), 4)  # 3/4 and 1/4, once in four
        0.0327
    """
    relations = [
        attention_divergence(scaled_dot_products(ours, ours, heads), scaled_dot_products(theirs, theirs, heads), mask)
        for ours, theirs in zip(student, teacher, strict=True)
    ]
    return torch.stack(relations).mean()
