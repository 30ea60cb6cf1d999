import torch

from pocketbert.compress.training.losses.attention_scores import attention_scores, scaled_dot_products

# One row: two tokens and one of padding, two heads. The student's heads have one channel, the teacher's four.
STUDENT_QUERIES = torch.tensor([[[1.0, 0.0], [2.0, 1.0], [9.0, 9.0]]])
STUDENT_KEYS = torch.tensor([[[3.0, 1.0], [1.0, 2.0], [9.0, 9.0]]])
TEACHER_QUERIES = torch.tensor([[[2.0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 2.0, 0, 0, 0], [1.0] * 8]])
TEACHER_KEYS = torch.tensor([[[1.0, 0, 0, 0, 4.0, 0, 0, 0], [3.0, 0, 0, 0, 2.0, 0, 0, 0], [1.0] * 8]])
MASK = torch.tensor([[1, 1, 0]])


def test_scaled_dot_products_by_hand() -> None:
    student = scaled_dot_products(STUDENT_QUERIES, STUDENT_KEYS, 2)[0, :, :2, :2]
    teacher = scaled_dot_products(TEACHER_QUERIES, TEACHER_KEYS, 2)[0, :, :2, :2]
    assert student.tolist() == [[[3.0, 1.0], [6.0, 2.0]], [[0.0, 0.0], [1.0, 2.0]]]
    assert teacher.tolist() == [[[1.0, 3.0], [0.0, 0.0]], [[0.0, 0.0], [4.0, 2.0]]]


def test_by_hand() -> None:
    loss = attention_scores(STUDENT_QUERIES, STUDENT_KEYS, TEACHER_QUERIES, TEACHER_KEYS, MASK, heads=2)
    # The differences of the scores above: 2, -2, 6, 2; 0, 0, -3, 0.
    assert loss.item() == (4.0 + 4.0 + 36.0 + 4.0 + 9.0) / 8.0
