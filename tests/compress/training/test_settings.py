import pytest
from pydantic import ValidationError

from pocketbert.compress.training.settings import Schedule, TeacherTable


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    said = "batch_size is 32; allowed with 2 gradient_accumulation_steps on 3 processes: multiples of 6"
    with pytest.raises(ValidationError, match=said):
        Schedule(batch_size=32, gradient_accumulation_steps=2)
    assert Schedule(batch_size=36, gradient_accumulation_steps=2).portion == 6


def test_a_teacher_that_is_not_trained_has_no_batches_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert TeacherTable(model="m", epochs=0).batch_size == 32
    with pytest.raises(ValidationError, match="epochs"):
        Schedule(epochs=0)
