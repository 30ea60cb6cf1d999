from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.rows import Tokens
from pocketbert.compress.training import precision
from pocketbert.compress.training.features import Key
from pocketbert.compress.training.precision import fast_logits
from pocketbert.compress.training.teacher import Teacher
from tests.support.models import rows_of

ROWS = rows_of([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 3]] * 5, [0, 1, 1] * 5)
Open = Callable[[], Teacher]


@pytest.fixture
def loads() -> list[Path]:
    """One entry per load of the model."""
    return []


@pytest.fixture
def opened(tiny_model: Path, tmp_path: Path, loads: list[Path]) -> Open:
    """Opens the same teacher, as builds one after the other do."""

    def load() -> object:
        loads.append(tiny_model)
        return load_classifier(tiny_model)

    (tmp_path / "model").symlink_to(tiny_model)
    return lambda: Teacher(tmp_path, "key", Tokens(ROWS, ROWS, ROWS), load, Progress())  # type: ignore[arg-type]


def test_logits_are_computed_once_and_cached(opened: Open, loads: list[Path], tiny_model: Path) -> None:
    first, second = opened(), opened()
    logits = first.logits()
    assert np.array_equal(logits, fast_logits(load_classifier(tiny_model), ROWS.inputs))
    assert first.seconds_computing > 0
    assert first.seconds_cached == 0
    assert np.array_equal(second.logits(), logits)
    assert (second.seconds_computing, second.seconds_cached) == (0, first.seconds_computing)
    assert len(loads) == 1


def test_features_are_cached_beside_the_logits(opened: Open, loads: list[Path], tmp_path: Path) -> None:
    first, second = opened(), opened()
    keys = [Key("hidden", 1)]
    vectors = first.features(keys).batch([1])[keys[0]]
    assert vectors.shape == (1, 3, 32)
    assert (second.features(keys).batch([1])[keys[0]] == vectors).all()
    assert len(loads) == 1
    assert second.seconds_cached == first.seconds_computing > 0
    [folder] = tmp_path.glob("features-*")
    assert [file.name for file in folder.glob("*.npy")] == ["hidden-1.npy"]


@pytest.mark.parametrize("damage", [b"", b"torn", None], ids=["torn", "other", "flipped"])
@pytest.mark.parametrize("name", ["train.npy", "train.json"])
def test_damaged_logits_are_computed_again(
    opened: Open, loads: list[Path], tmp_path: Path, name: str, damage: bytes | None
) -> None:
    whole, file = opened().logits(), tmp_path / name
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content if damage is None else damage)
    again = opened()
    assert np.array_equal(again.logits(), whole)
    assert len(loads) == 2
    assert again.seconds_computing > 0
    assert again.seconds_cached == 0
    opened().logits()
    assert len(loads) == 2


def test_damaged_features_are_computed_again(opened: Open, loads: list[Path], tmp_path: Path) -> None:
    keys = [Key("hidden", 1), Key("hidden", 2)]
    vectors = opened().features(keys).batch([1])
    [file] = tmp_path.glob("features-*/hidden-2.npy")
    content = bytearray(file.read_bytes())
    content[-2] ^= 64
    file.write_bytes(content)
    again = opened().features(keys)
    assert all((again.batch([1])[key] == vectors[key]).all() for key in keys)
    assert len(loads) == 2
    assert again.seconds_cached > 0, "the other file was computed again"


def test_a_computation_that_is_killed_leaves_no_logits(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(precision, "fast_logits", killed)
    with pytest.raises(KeyboardInterrupt):
        opened().logits()
    assert not (tmp_path / "train.npy").exists()


def test_model_and_tokenizer_are_those_of_the_step(opened: Open, tmp_path: Path) -> None:
    assert opened().config().num_hidden_layers == 4
    assert opened().tokenizer == tmp_path / "tokenizer"


def test_logits_that_are_not_finite_teach_nobody(tiny_model: Path, tmp_path: Path) -> None:
    """In a few training rows only, as from a word that no validation row has; nothing is kept."""

    def spoilt() -> PreTrainedModel:
        model = load_classifier(tiny_model)
        with torch.no_grad():
            model.bert.embeddings.word_embeddings.weight[8] = float("nan")
        return model

    teacher = Teacher(tmp_path, "key", Tokens(ROWS, ROWS, ROWS), spoilt, Progress())
    with pytest.raises(BadInput, match="the teacher on the training rows: the logits of 5 of 15 predictions are NaN"):
        teacher.logits()
    assert not (tmp_path / "train.npy").exists()
