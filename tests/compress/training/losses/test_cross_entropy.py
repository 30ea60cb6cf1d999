import math

import torch

from pocketbert.compress.training.losses.cross_entropy import cross_entropy

LOGITS = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0], [9.0, -9.0]])


def test_by_hand() -> None:
    """The first says 1/2 for its label, the second 3/4; the third has none."""
    loss = cross_entropy(LOGITS, torch.tensor([1, 0, -100]))
    assert math.isclose(loss.item(), (math.log(2.0) + math.log(4.0 / 3.0)) / 2, rel_tol=1e-6)


def test_no_label_in_the_batch() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = cross_entropy(logits, torch.full((3,), -100))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(3, 2))
