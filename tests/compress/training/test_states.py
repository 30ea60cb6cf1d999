import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest
import torch
from transformers import PreTrainedModel

from pocketbert.compress.base.errors import BadInput, MachineFailed
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training.features import Key, capture
from pocketbert.compress.training.states import TeacherFeatures, TokenStates, check_disk_space, write_states

LENGTHS = [2, 1, 3]
VECTORS = torch.arange(12.0).reshape(6, 2) / 4  # exact in FP16


def write(file: Path) -> None:
    """Row 2 first, then 0 and 1 as one padded batch."""
    with write_states(file, LENGTHS, 2) as put:
        put([2], VECTORS[None, 3:])
        put([0, 1], torch.stack([VECTORS[:2], torch.stack([VECTORS[2], torch.full((2,), 99.0)])]))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "states.npy")
    batch = TokenStates(tmp_path / "states.npy", LENGTHS).batch([2, 1])
    assert batch.dtype == torch.float32
    assert torch.equal(batch[0], VECTORS[3:])
    assert torch.equal(batch[1], torch.cat([VECTORS[2:3], torch.zeros(2, 2)]))
    assert torch.equal(TokenStates(tmp_path / "states.npy", LENGTHS).batch([0])[0], VECTORS[:2])


def test_half_precision_without_padding(tmp_path: Path) -> None:
    write(tmp_path / "states.npy")
    assert 2 * 2 * sum(LENGTHS) < (tmp_path / "states.npy").stat().st_size < 2 * 2 * sum(LENGTHS) + 256


def test_half_a_file_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), write_states(tmp_path / "states.npy", LENGTHS, 2) as put:
        put([2], VECTORS[None, 3:])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2 * 6 * 384))
    check_disk_space(tmp_path, LENGTHS, [384])
    with pytest.raises(MachineFailed) as refusal:
        check_disk_space(tmp_path, LENGTHS, [384, 192])
    assert f"{tmp_path}: the vectors of 3 rows need 6,912 bytes, 4,608 are free" in str(refusal.value)


ROWS = [[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 3]] * 15
KEYS = [Key("embedding"), Key("hidden", 1), Key("query", 3)]


class Counted:
    """Loads the teacher, and counts how often it is loaded and how many rows it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.loads, self.rows = folder, 0, 0

    def __call__(self) -> PreTrainedModel:
        self.loads += 1
        model = load_classifier(self.folder)
        model.register_forward_hook(self._count, with_kwargs=True)
        return model

    def _count(self, model: object, args: object, kwargs: dict[str, torch.Tensor], output: object) -> None:
        self.rows += len(kwargs["input_ids"])


def ask(load: Callable[[], PreTrainedModel], folder: Path, keys: list[Key] = KEYS) -> TeacherFeatures:
    with Progress() as progress:
        return TeacherFeatures(load, Inputs(ROWS, 0), folder, keys, progress)


def test_a_batch_is_what_the_teacher_says_to_it(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model)
    model.train()  # dropout would show
    batch = ask(lambda: model, tmp_path).batch([5, 1])
    ids = torch.tensor([ROWS[5], ROWS[1] + [0] * 4])
    with capture(model.eval(), KEYS) as found, torch.no_grad():
        model(input_ids=ids, attention_mask=(ids != 0).long())
    assert list(batch) == KEYS
    for key in KEYS:
        assert torch.allclose(batch[key][0], found[key][0], atol=2e-3)  # FP16
        assert torch.allclose(batch[key][1, :3], found[key][1, :3], atol=2e-3)
        assert not batch[key][1, 3:].any()


def test_the_teacher_answers_once(tiny_model: Path, tmp_path: Path) -> None:
    load = Counted(tiny_model)
    assert ask(load, tmp_path).seconds > 0
    assert (load.loads, load.rows) == (1, len(ROWS))
    assert ask(load, tmp_path).seconds == 0
    assert load.loads == 1


def test_only_what_is_missing_is_computed(tiny_model: Path, tmp_path: Path) -> None:
    load = Counted(tiny_model)
    first = ask(load, tmp_path, KEYS[:1])
    written = (tmp_path / "embedding-0.npy").stat().st_mtime_ns
    both = ask(load, tmp_path, KEYS)
    assert load.rows == 2 * len(ROWS)
    assert (tmp_path / "embedding-0.npy").stat().st_mtime_ns == written
    assert torch.equal(first.batch([2])[KEYS[0]], both.batch([2])[KEYS[0]])


def test_of_two_that_ask_together_one_computes(tiny_model: Path, tmp_path: Path) -> None:
    load, together = Counted(tiny_model), Barrier(2)

    def one(_: int) -> torch.Tensor:
        together.wait()
        return ask(load, tmp_path).batch([0])[KEYS[0]]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, range(2))
    assert (load.loads, load.rows) == (1, len(ROWS))
    assert torch.equal(first, second)


def test_a_broken_pass_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model)
    calls: list[int] = []

    def fail(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError

    hook = model.classifier.register_forward_hook(fail)
    with pytest.raises(RuntimeError):
        ask(lambda: model, tmp_path)
    hook.remove()
    assert list(tmp_path.glob("*.npy")) + list(tmp_path.glob(".*.npy")) == []
    assert ask(lambda: model, tmp_path).batch([0])[KEYS[0]].shape == (1, 5, 32)


def test_a_full_disk_is_refused(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(Counted(tiny_model), tmp_path, KEYS[:1])
    needed = 2 * sum(map(len, ROWS)) * 32 * 2  # two more keys
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    load = Counted(tiny_model)
    with pytest.raises(MachineFailed, match=f"need {needed:,} bytes, {needed - 1:,} are free"):
        ask(load, tmp_path)
    assert load.rows == 0


def test_a_value_that_fp16_cannot_hold_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match=r"a layer's values reach 7e\+04, and FP16 ends at 65504"),
        write_states(tmp_path / "states.npy", LENGTHS, 2) as put,
    ):
        put([1], torch.tensor([[[0.0, -7e4]]]))
    assert list(tmp_path.iterdir()) == []
