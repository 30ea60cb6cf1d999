"""Distillation of attention distributions, after the softmax (MobileBERT)."""

import torch
from torch import Tensor
from torch.nn import functional

from pocketbert.compress.training.losses.attention_scores import scaled_dot_products


def attention_transfer(
    student_queries: Tensor,
    student_keys: Tensor,
    teacher_queries: Tensor,
    teacher_keys: Tensor,
    mask: Tensor,
    heads: int,
) -> Tensor:
    """Compute KL(teacher ‖ student) of the attention distributions, averaged over visible queries and heads, a scalar.

    Sun et al. 2020, "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices", attention
    transfer (https://arxiv.org/abs/2004.02984).

    Args:
        student_queries, student_keys: (rows, tokens, heads × size).
        teacher_queries, teacher_keys: (rows, tokens, heads × size); the size may differ from the student's.
        mask: (rows, tokens), 1 where a token is visible.
        heads: number of attention heads, equal in both models.

    Example:
        >>> import torch
        >>> k, mask = torch.tensor([[[1.0986], [0.0]]]), torch.tensor([[1, 1]])  # the teacher: 3/4 and 1/4
        >>> round(attention_transfer(torch.zeros(1, 2, 1), k, torch.ones(1, 2, 1), k, mask, heads=1).item(), 4)
        0.1308
    """
    student = scaled_dot_products(student_queries, student_keys, heads)
    teacher = scaled_dot_products(teacher_queries, teacher_keys, heads)
    return attention_divergence(student, teacher, mask)


def attention_divergence(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute KL(teacher ‖ student) of the softmax over visible keys, averaged over visible queries and heads.

    Args:
        student, teacher: scores, (rows, heads, queries, keys).
        mask: (rows, tokens), 1 where a token is visible.
    """
    visible = mask.bool()
    hidden_keys = ~visible[:, None, None, :]
    # The lowest finite score: with -inf the divergence at a hidden key would be 0 × (inf - inf).
    lowest = torch.finfo(student.dtype).min
    log_student = functional.log_softmax(student.masked_fill(hidden_keys, lowest), dim=-1)
    log_teacher = functional.log_softmax(teacher.masked_fill(hidden_keys, lowest), dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1)
    return divergence.movedim(1, -1)[visible].mean()
