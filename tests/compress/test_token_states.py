import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from compress.errors import BadInput
from compress.token_states import TokenStates, check_room, write_states

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
    check_room(tmp_path, LENGTHS, [384])
    with pytest.raises(BadInput) as refusal:
        check_room(tmp_path, LENGTHS, [384, 192])
    assert f"{tmp_path}: 6,912 bytes are needed there for the vectors of 3 rows, 4,608 are free" in str(refusal.value)
