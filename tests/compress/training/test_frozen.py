from pathlib import Path

import pytest
import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.families import classify, embed, encoder_layers
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training import precision
from pocketbert.compress.training.frozen import LowerStates, UpperLayers

TEXTS = [[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 3]]


def test_upper_layers_on_lower_states_are_the_model(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda: False)
    model = load_classifier(tiny_model).eval()
    with Progress() as progress, progress.work("x", 3) as work:
        states = LowerStates(model, 2, Inputs(TEXTS, 0), tmp_path / "lower.npy", work)
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
        LowerStates(model, 2, Inputs(TEXTS, 0), tmp_path / "lower.npy", work)
        written = (tmp_path / "lower.npy").stat().st_mtime_ns
        LowerStates(model, 2, Inputs(TEXTS, 0), tmp_path / "lower.npy", work)
    assert (tmp_path / "lower.npy").stat().st_mtime_ns == written


def test_a_damaged_file_is_computed_again(tiny_model: Path, tmp_path: Path) -> None:
    model, file = load_classifier(tiny_model).eval(), tmp_path / "lower.npy"
    with Progress() as progress, progress.work("x", 6) as work:
        LowerStates(model, 2, Inputs(TEXTS, 0), file, work)
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 64]))
        LowerStates(model, 2, Inputs(TEXTS, 0), file, work)
    assert file.read_bytes() == whole


def test_upper_layers_end_in_either_kind_of_head(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    ids, mask = torch.tensor([[2, 5, 6, 3], [2, 8, 9, 3]]), torch.ones(2, 4, dtype=torch.long)
    hidden = embed(model, ids)
    for layer in encoder_layers(model)[:2]:
        hidden = layer(hidden, mask[:, None, None, :].bool())
    upper = UpperLayers(model, 2)
    assert torch.allclose(upper(hidden, mask).logits, model(ids, attention_mask=mask).logits, atol=1e-6)
    if hasattr(model, "dropout"):  # the other heads have theirs inside
        model.train()
        model.dropout.p = 1.0
        for logits in (upper(hidden, mask).logits, classify(model, hidden)):
            assert torch.equal(logits, model.classifier.bias.expand_as(logits)), "nothing was dropped"
