import math

import torch

from pocketbert.compress.training.losses.distillation import distillation
from pocketbert.compress.training.losses.soft_targets import soft_targets

STUDENT = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
TEACHER = torch.tensor([[math.log(3.0), 0.0], [math.log(3.0), 0.0]])
SOFT = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)


def test_by_hand() -> None:
    """One row of two has a label, for which the student says 1/2; the teacher says 3/4 and 1/4 of both."""
    loss = distillation(STUDENT, TEACHER, torch.tensor([1, -100]), alpha=0.25, temperature=1.0)
    assert math.isclose(loss.item(), 0.25 * math.log(2.0) + 0.75 * SOFT, rel_tol=1e-6)


def test_rows_without_labels_learn_from_the_teacher() -> None:
    loss = distillation(STUDENT, TEACHER, torch.tensor([-100, -100]), alpha=0.25, temperature=2.0)
    assert torch.isclose(loss, 0.75 * soft_targets(STUDENT, TEACHER, 2.0))
