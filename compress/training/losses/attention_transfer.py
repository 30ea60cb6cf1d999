"""Distillation of attention after its softmax (MobileBERT)."""

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
    """KL(teacher ‖ student) of what each query attends to, averaged over visible queries and heads, a scalar.

    Sun et al. 2020, "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices", attention
    transfer (https://arxiv.org/abs/2004.02984).

    Args:
        student_queries, student_keys: (rows, tokens, heads × size).
        teacher_queries, teacher_keys: (rows, tokens, heads × size); the size may be another, the heads may not.
        mask: (rows, tokens), 1 where a token is visible.
        heads: of both.

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
    """KL(teacher ‖ student) of the softmax of scores (rows, heads, queries, keys) over visible keys, averaged over
    visible queries and heads.
    """
    visible = mask.bool()
    hidden_keys = ~visible[:, None, None, :]
    # The lowest finite score: with -inf the divergence at a hidden key would be 0 × (inf - inf).
    lowest = torch.finfo(student.dtype).min
    log_student = functional.log_softmax(student.masked_fill(hidden_keys, lowest), dim=-1)
    log_teacher = functional.log_softmax(teacher.masked_fill(hidden_keys, lowest), dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1)
    return divergence.movedim(1, -1)[visible].mean()
