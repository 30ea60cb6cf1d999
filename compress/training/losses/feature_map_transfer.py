"""Distillation of embeddings and hidden states (TinyBERT, MobileBERT)."""

from torch import Tensor
from torch.nn import functional


def feature_map_transfer(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean squared error of the vectors over visible tokens and channels, a scalar.

    Sun et al. 2020, "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices"
    (https://arxiv.org/abs/2004.02984); TinyBERT's distillation of hidden states and of the embedding layer is the same
    (Jiao et al. 2020, equations 8 and 9, https://arxiv.org/abs/1909.10351).

    Args:
        student: (rows, tokens, width), projected to the teacher's width.
        teacher: (rows, tokens, width).
        mask: (rows, tokens), 1 where a token is visible.

    Example:
        >>> import torch
        >>> student, teacher = torch.zeros(1, 2, 2), torch.tensor([[[1.0, 3.0], [9.0, 9.0]]])
        >>> feature_map_transfer(student, teacher, torch.tensor([[1, 0]])).item()  # (1 + 9) / 2
        5.0
    """
    visible = mask.bool()
    return functional.mse_loss(student[visible], teacher[visible])
