from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, predict
from pocketbert.compress.training import precision

TEXTS = Inputs([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 3]], 0)


def test_fast_logits_are_the_models_without_dropout(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_classifier(tiny_model).train()
    found = {}
    for native in (False, True):
        monkeypatch.setattr(precision, "has_bf16", lambda native=native: native)
        found[native] = precision.fast_logits(model, TEXTS)
    assert model.training, "it was training, and goes on"
    model.eval()
    with torch.no_grad():
        exact = [model(torch.tensor([text])).logits[0].numpy() for text in TEXTS.sequences]
    assert np.allclose(found[False], exact, atol=1e-5)
    assert found[True].dtype == np.float32
    assert np.allclose(found[True], exact, atol=0.05)
    assert not np.array_equal(found[True], found[False]), "BF16 was not used"


@pytest.mark.parametrize("wrong", [0.0, 2e-5, 1e-2])
def test_another_device_answers_if_it_agrees_with_the_cpu(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    """``cpu:0`` stands for the GPU, whose logits are `wrong` by so much."""
    model, inputs = load_classifier(tiny_model).train(), Inputs(TEXTS.sequences * 40, 0)
    exact = precision.exact_logits(model, inputs)
    assert np.array_equal(exact, predict(TorchSession(model).logits, inputs))
    answers, bits = precision._answers, []

    def answered(*given: Any) -> NDArray[np.float32]:
        bits.append(torch.get_float32_matmul_precision())
        return np.asarray(answers(*given) + np.float32(wrong if len(bits) == 1 else 0))  # the GPU answers first

    monkeypatch.setattr(precision, "fastest_device", lambda: torch.device("cpu:0"))
    monkeypatch.setattr(precision, "_answers", answered)
    torch.set_float32_matmul_precision("high")
    try:
        found = precision.exact_logits(model, inputs)
        assert torch.get_float32_matmul_precision() == "high", "the user's setting is back"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert bits == ["highest"] * (2 if wrong < 1e-2 else 3)
    assert np.array_equal(found, exact) == (wrong in (0.0, 1e-2))
    assert np.allclose(found, exact, atol=1e-4)
    assert not model.training
    model(torch.tensor([[2, 5, 3]])).logits.sum().backward()  # its weights can still be trained
    assert model.device.type == "cpu"
