"""Uneven shapes survive saving and loading, of every family and head: test_architectures, also without pocketbert."""

from pathlib import Path

import pytest
import torch

from pocketbert.compress.models.modeling_uneven import load_classifier
from pocketbert.compress.pruning.surgery import without


@pytest.fixture
def uneven(tmp_path: Path, tiny_model: Path) -> tuple[Path, torch.Tensor]:
    model = without(load_classifier(tiny_model), {0: [1, 3], 1: range(4), 2: [0]}, {1: range(40), 2: range(64)})
    model.save_pretrained(tmp_path / "uneven")
    return tmp_path / "uneven", model(torch.tensor([[2, 5, 6, 3]])).logits


def test_round_trip(uneven: tuple[Path, torch.Tensor]) -> None:
    folder, logits = uneven
    again = load_classifier(folder).eval()
    assert (again.config.layer_heads, again.config.layer_intermediate) == ([2, 0, 3, 4], [64, 24, 0, 64])
    assert again.bert.encoder.layer[0].attention.self.query.weight.shape == (16, 32)
    assert torch.equal(again(torch.tensor([[2, 5, 6, 3]])).logits, logits)
    assert not list(folder.glob("*.bin"))
