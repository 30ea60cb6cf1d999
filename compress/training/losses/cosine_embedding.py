"""Distillation of the direction of embeddings and hidden states (DistilBERT)."""

from torch import Tensor
from torch.nn import functional


def cosine_embedding(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute 1 - cosine between student's and teacher's vectors, averaged over visible tokens, a scalar 0 to 2.

    Sanh et al. 2019, "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter", section 2, whose
    L_cos aligns the directions of the hidden states (https://arxiv.org/abs/1910.01108).

    Args:
        student: (rows, tokens, width), projected to the teacher's width.
        teacher: (rows, tokens, width).
        mask: (rows, tokens), 1 where a token is visible.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[[2.0, 0.0], [1.0, 1.0]]]), torch.tensor([[[0.0, 3.0], [5.0, 5.0]]])
        >>> cosine_embedding(student, teacher, torch.tensor([[1, 0]])).item()  # a right angle
        1.0
    """
    visible = mask.bool()
    return (1 - functional.cosine_similarity(student[visible], teacher[visible], dim=-1)).mean()
