from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.inputs import Inputs
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
