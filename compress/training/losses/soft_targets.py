"""Distillation of logits: soft targets (Hinton et al. 2015)."""

from torch import Tensor
from torch.nn import functional


def soft_targets(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Compute T² × KL(teacher ‖ student) of the softened distributions, averaged over n, a scalar; 0 if n is 0.

    Softening divides the gradient by T². The factor T² compensates for that, so the temperature does not change the
    balance with the hard labels (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2,
    https://arxiv.org/abs/1503.02531).

    Args:
        student: logits, (n, labels), one per row or per scored token.
        teacher: logits of the same answers, (n, labels).
        temperature: T > 0; 1 does not soften.

    Example:
        >>> import torch
        >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.1972, 0.0]])  # at T = 2: 3/4 and 1/4
        >>> round(soft_targets(student, teacher, temperature=2.0).item(), 4)
        0.5232
    """
    log_student = functional.log_softmax(student / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher / temperature, dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="sum", log_target=True)
    return divergence / max(len(student), 1) * temperature**2
