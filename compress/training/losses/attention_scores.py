"""Distillation of attention scores, before the softmax (TinyBERT)."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def attention_scores(
    student_queries: Tensor,
    student_keys: Tensor,
    teacher_queries: Tensor,
    teacher_keys: Tensor,
    mask: Tensor,
    heads: int,
) -> Tensor:
    """Compute the mean squared error of the scores QKᵀ/√size over heads and pairs of visible tokens, a scalar.

    Jiao et al. 2020, "TinyBERT: Distilling BERT for Natural Language Understanding", equation 7: fitting the
    unnormalised scores converges faster than fitting their softmax (https://arxiv.org/abs/1909.10351).

    Args:
        student_queries, student_keys: (rows, tokens, heads × size).
        teacher_queries, teacher_keys: (rows, tokens, heads × size); the size may differ from the student's.
        mask: (rows, tokens), 1 where a token is visible.
        heads: number of attention heads, equal in both models.

    Example:
        >>> import torch
        >>> q, k, mask = torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[3.0], [4.0]]]), torch.tensor([[1, 0]])
        >>> attention_scores(q, k, 2 * q, k, mask, heads=1).item()  # (3 - 6)²
        9.0
    """
    visible = mask.bool()
    pairs = visible[:, :, None] & visible[:, None, :]
    student = scaled_dot_products(student_queries, student_keys, heads).movedim(1, -1)
    teacher = scaled_dot_products(teacher_queries, teacher_keys, heads).movedim(1, -1)
    return functional.mse_loss(student[pairs], teacher[pairs])


def scaled_dot_products(queries: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Compute QKᵀ/√size, (rows, heads, tokens, tokens), of queries and keys (rows, tokens, heads × size)."""
    size = queries.shape[-1] // heads
    split = (*queries.shape[:2], heads, size)
    return torch.einsum("rqhd,rkhd->rhqk", queries.reshape(split), keys.reshape(split)) / math.sqrt(size)
