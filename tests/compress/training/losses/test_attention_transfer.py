import math

import torch

from pocketbert.compress.training.losses.attention_transfer import attention_transfer


def test_by_hand() -> None:
    """Two tokens and one of padding, two heads of one channel. The student attends to all that is visible alike."""
    ones, zeros = torch.ones(1, 3, 2), torch.zeros(1, 3, 2)
    teacher_keys = torch.tensor([[[math.log(3.0), 0.0], [0.0, math.log(4.0)], [9.0, 9.0]]])
    loss = attention_transfer(zeros, ones, ones, teacher_keys, torch.tensor([[1, 1, 0]]), heads=2)
    first = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    second = 0.2 * math.log(0.2 / 0.5) + 0.8 * math.log(0.8 / 0.5)
    assert math.isclose(loss.item(), (first + second) / 2.0, rel_tol=1e-6)


def test_every_query_counts_once() -> None:
    """A row of three tokens weighs three times what a row of one does, which attends to itself and costs nothing."""
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(1, 3, 4, generator=generator) for _ in range(4)]
    alone = attention_transfer(*vectors, torch.tensor([[1, 1, 1]]), heads=2)
    doubled = [torch.cat([vector, vector]) for vector in vectors]
    assert torch.isclose(attention_transfer(*doubled, torch.tensor([[1, 1, 1], [1, 0, 0]]), heads=2), alone * 3 / 4)
