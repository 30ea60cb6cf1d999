"""The app's own tests: how fast, large and good the model must be that it ships."""

import pytest

STUDENT = "student.onnx"


@pytest.mark.latency_budget(ratio=0.5, of="teacher.onnx", profile="mobile-1t")
def test_the_student_is_twice_as_fast_and_small(pocketbert_measure):
    student = pocketbert_measure(STUDENT)
    assert student.size.bytes < 60_000
    assert student.memory.own_mib < 20


def test_nothing_got_worse_than_the_baseline(pocketbert_gate):
    pocketbert_gate(STUDENT, "size", "accuracy")
