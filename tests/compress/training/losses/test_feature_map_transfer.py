import torch

from pocketbert.compress.training.losses.feature_map_transfer import feature_map_transfer


def test_by_hand() -> None:
    student = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 3.0], [7.0, 7.0]]])
    teacher = torch.tensor([[[2.0, 4.0], [1.0, 0.0]], [[3.0, 0.0], [0.0, 0.0]]])
    mask = torch.tensor([[1, 1], [1, 0]])
    # Squares of the three visible tokens: 1 + 4, 1 + 0, 0 + 9; six channels.
    assert feature_map_transfer(student, teacher, mask).item() == 15.0 / 6.0
