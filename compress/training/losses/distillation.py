"""Distillation of logits: hard labels and soft targets (Hinton et al. 2015)."""

from torch import Tensor

from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.losses.soft_targets import soft_targets


def distillation(student: Tensor, teacher: Tensor, labels: Tensor, alpha: float, temperature: float) -> Tensor:
    """Compute `alpha` × `cross_entropy` with the hard labels + (1 - `alpha`) × `soft_targets`, a scalar.

    Answers without a label learn from the teacher alone: the soft part is averaged over all n, the hard part over the
    labelled ones (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2,
    https://arxiv.org/abs/1503.02531).

    Args:
        student: logits, (n, labels).
        teacher: logits of the same answers, (n, labels).
        labels: (n,), -100 for an answer without a label.
        alpha: 0 to 1, the weight of the hard labels.
        temperature: T > 0, see `soft_targets`.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.1972, 0.0]])
        >>> round(distillation(student, teacher, torch.tensor([0]), alpha=0.5, temperature=2.0).item(), 4)
        0.6082
    """
    return alpha * cross_entropy(student, labels) + (1 - alpha) * soft_targets(student, teacher, temperature)
