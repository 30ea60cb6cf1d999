import math

import torch

from pocketbert.compress.training.losses.cosine_embedding import cosine_embedding


def test_by_hand() -> None:
    student = torch.tensor([[[2.0, 0.0], [1.0, 0.0], [4.0, 4.0], [1.0, 2.0]]])
    teacher = torch.tensor([[[3.0, 0.0], [-5.0, 0.0], [0.0, 7.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 1, 0]])
    # The same direction, the opposite one, 45 degrees.
    expected = (0.0 + 2.0 + (1.0 - math.sqrt(0.5))) / 3.0
    assert math.isclose(cosine_embedding(student, teacher, mask).item(), expected, rel_tol=1e-6)
