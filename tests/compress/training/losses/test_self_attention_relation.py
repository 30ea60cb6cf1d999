import math

import torch

from pocketbert.compress.training.losses.self_attention_relation import self_attention_relation

MASK = torch.tensor([[1, 1, 0]])
# Two relation heads: one channel each in the student, two each in the teacher (so that √2 divides its products).
STUDENT = torch.tensor([[[0.0, math.sqrt(math.log(2.0))], [0.0, 0.0], [5.0, 5.0]]])
TEACHER = torch.tensor([[[math.sqrt(math.sqrt(2.0) * math.log(3.0)), 0, 0, 0], [0, 0, 0, 0], [5.0] * 4]])
# Head 0, token 0: the teacher says 3/4, 1/4 and the student 1/2, 1/2; head 1, token 0: 1/2, 1/2 and 2/3, 1/3.
FIRST = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
SECOND = 0.5 * math.log(0.5 / (2.0 / 3.0)) + 0.5 * math.log(0.5 / (1.0 / 3.0))


def test_by_hand() -> None:
    """Of two heads and two tokens, two differ."""
    loss = self_attention_relation([STUDENT], [TEACHER], MASK, heads=2)
    assert math.isclose(loss.item(), (FIRST + SECOND) / 4.0, rel_tol=1e-5)


def test_mean_of_the_relations() -> None:
    loss = self_attention_relation([STUDENT, STUDENT], [TEACHER, torch.zeros(1, 3, 4)], MASK, heads=2)
    assert math.isclose(loss.item(), ((FIRST + SECOND) / 4.0 + SECOND / 4.0) / 2.0, rel_tol=1e-5)
