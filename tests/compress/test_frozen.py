from pathlib import Path

import torch

from compress.frozen import LowerStates, UpperLayers
from compress.modeling import load_classifier
from compress.progress import Progress

TEXTS = [[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 3]]


def test_upper_layers_on_lower_states_are_the_model(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with Progress() as progress, progress.work("x", 3) as work:
        states = LowerStates(model, 2, TEXTS, 0, tmp_path / "lower.npy", work)
    upper = UpperLayers(model, 2).eval()
    assert states.batch([2, 0])["attention_mask"].tolist() == [[1] * 7, [1, 1, 1, 1, 1, 0, 0]]
    logits = upper(**states.batch([2, 0])).logits
    ids = torch.tensor([TEXTS[2], TEXTS[0] + [0, 0]])
    expected = model(input_ids=ids, attention_mask=(ids != 0).long()).logits
    assert torch.allclose(logits, expected, atol=1e-3)  # the states are FP16
    assert {id(p) for p in upper.parameters()} <= {id(p) for p in model.parameters()}


def test_a_whole_file_is_taken_up(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with Progress() as progress, progress.work("x", 3) as work:
        LowerStates(model, 2, TEXTS, 0, tmp_path / "lower.npy", work)
        written = (tmp_path / "lower.npy").stat().st_mtime_ns
        LowerStates(model, 2, TEXTS, 0, tmp_path / "lower.npy", work)
    assert (tmp_path / "lower.npy").stat().st_mtime_ns == written
