"""The module that exporters trace computes the logits of the model that it stands for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.exports.forward import PlainClassifier, StockLayers, traceable
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from tests.support.exports import BATCH
from tests.support.models import write_any_model
from tests.support.uneven import HEADS, IDS, MASK, NEURONS, seen, types_for
from tests.support.uneven import logits as logits_of


def test_plain_forward_is_the_stock_forward(model: torch.nn.Module, logits: np.ndarray) -> None:
    with torch.no_grad():
        plain = PlainClassifier(model)(*(torch.from_numpy(values) for values in BATCH.values()))
    assert np.abs(plain.numpy() - logits).max() < 1e-6


def test_every_family_with_uneven_layers_and_token_types(any_model: Path) -> None:
    cut = without(load_classifier(any_model), HEADS, NEURONS)
    types = types_for(cut)
    expected = logits_of(cut, token_type_ids=types)
    assert bool((expected - logits_of(cut)).abs().max() > 1e-4) == bool(types.any()), "types did nothing"
    forward, note = traceable(cut)
    assert note is None
    assert isinstance(forward, PlainClassifier)
    assert not forward.training
    with torch.no_grad():
        assert (seen(forward(IDS, MASK)) - logits_of(cut)).abs().max() < 1e-5
        assert (seen(forward(IDS, MASK, types)) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("computed", [torch.float32, torch.float16])
def test_another_family_keeps_its_layers_and_hides_padding(computed: torch.dtype, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "mobilebert")).eval()
    with torch.no_grad():  # scores that a mask of -1e4 would not hide
        model.mobilebert.encoder.layer[0].attention.self.query.weight *= 1e6
    forward, note = traceable(model, computed)
    assert note == "mobilebert has no plain forward here: its layers are exported as transformers has them"
    assert isinstance(forward, StockLayers)
    assert torch.isfinite(torch.tensor(forward.lowest, dtype=computed)), "0 times infinity is no number"
    with torch.no_grad():
        answer = forward(IDS, MASK)
    assert (answer - logits_of(model)).abs().max() < 1e-4 * answer.abs().max()
