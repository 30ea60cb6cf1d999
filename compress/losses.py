"""Distillation losses: pure functions of logits, averaged over the batch."""

from torch import Tensor
from torch.nn import functional


def soft_targets(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of the softened distributions, times T², a scalar.

    Softening divides the gradient by T²; the factor gives it back, so that the temperature does not move the balance
    with the hard labels (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2).

    Args:
        student: logits, (rows, labels).
        teacher: logits of the same rows, (rows, labels).
        temperature: T > 0; 1 leaves the distributions as they are.
    """
    log_student = functional.log_softmax(student / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher / temperature, dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return divergence * temperature**2


def distillation(student: Tensor, teacher: Tensor, labels: Tensor, alpha: float, temperature: float) -> Tensor:
    """``alpha`` × cross-entropy with the hard labels + ``(1 - alpha)`` × `soft_targets`, a scalar."""
    hard = functional.cross_entropy(student, labels)
    return alpha * hard + (1 - alpha) * soft_targets(student, teacher, temperature)
