import math

import torch

from pocketbert.compress.training.losses.soft_targets import soft_targets


def test_by_hand() -> None:
    student = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    teacher = torch.tensor([[2.0 * math.log(3.0), 0.0], [5.0, 5.0]])
    # At T = 2 the teacher says 3/4, 1/4 and the student 1/2, 1/2; of the second row both say the same.
    divergence = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert math.isclose(soft_targets(student, teacher, 2.0).item(), 4.0 * divergence / 2, rel_tol=1e-6)


def test_a_batch_without_answers_teaches_nothing() -> None:
    nothing = torch.zeros(0, 2, requires_grad=True)
    assert soft_targets(nothing, torch.zeros(0, 2), 2.0).item() == 0.0


def test_temperature_leaves_the_gradient_in_scale() -> None:
    """Without the T² factor the gradient at T = 8 would be 64 times smaller (Hinton et al. 2015)."""
    teacher = torch.tensor([[0.5, -0.5], [0.2, 0.1]])
    norms = []
    for temperature in (1.0, 8.0):
        student = torch.zeros(2, 2, requires_grad=True)
        soft_targets(student, teacher, temperature).backward()
        assert student.grad is not None
        norms.append(student.grad.norm().item())
    assert 0.8 < norms[1] / norms[0] < 1.25
