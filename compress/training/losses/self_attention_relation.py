"""Distillation of how the tokens of a text resemble each other (MiniLM, MiniLMv2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pocketbert.compress.training.losses.attention_scores import scaled_dot_products
from pocketbert.compress.training.losses.attention_transfer import attention_divergence


def self_attention_relation(student: Sequence[Tensor], teacher: Sequence[Tensor], mask: Tensor, heads: int) -> Tensor:
    """KL(teacher ‖ student) of softmax(VVᵀ/√size), averaged over visible tokens, relation heads and vectors, a scalar.

    Wang et al. 2021, "MiniLMv2: Multi-Head Self-Attention Relation Distillation for Compressing Pretrained
    Transformers", section 3 (https://arxiv.org/abs/2012.15828): queries, keys and values of one layer, each split into
    relation heads, so that neither the width nor the number of attention heads need be the teacher's. Values alone
    are MiniLM's value relation (Wang et al. 2020, section 3.2, https://arxiv.org/abs/2002.10957).

    Args:
        student: vectors of one layer, each (rows, tokens, width).
        teacher: as many, each (rows, tokens, width); the width may be another.
        mask: (rows, tokens), 1 where a token is visible.
        heads: relation heads; both widths are multiples of it.

    Example:
        >>> import torch
        >>> values, mask = torch.tensor([[[1.0482, 0.0], [0.0, 0.0]]]), torch.tensor([[1, 1]])
        >>> round(self_attention_relation([0 * values], [values], mask, heads=2).item(), 4)  # 3/4 and 1/4, once in four
        0.0327
    """
    relations = zip(student, teacher, strict=True)
    return torch.stack(
        [
            attention_divergence(
                scaled_dot_products(ours, ours, heads), scaled_dot_products(theirs, theirs, heads), mask
            )
            for ours, theirs in relations
        ]
    ).mean()
