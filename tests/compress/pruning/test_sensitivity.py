from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.importance import importance
from pocketbert.compress.pruning.sensitivity import WIDTHS, sensitivity
from pocketbert.compress.pruning.surgery import keep_layers, without
from pocketbert.compress.tasks import open_task
from tests.support.models import rows_of

TEXTS, LABELS = [[2, 5, 6, 7, 3], [2, 14, 9, 3], [2, 11, 3]], [1, 0, 1]

TASK = open_task("classification", ["neg", "pos"], 16)


def loss(model: torch.nn.Module) -> float:
    ids = torch.tensor([[*text, *[0] * (5 - len(text))] for text in TEXTS])
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=(ids > 0).long()).logits
    return functional.cross_entropy(logits, torch.tensor(LABELS)).item()


def test_each_change_is_that_of_the_cut_model(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    with torch.no_grad():  # fresh weights are so small that nothing is missed
        for part in (model.bert.encoder, model.bert.pooler, model.classifier):
            for weight in part.parameters():
                weight.mul_(8 if weight.dim() == 2 else 1)
    rows = rows_of([*TEXTS, [2, 3]], [*LABELS, 0])
    found = sensitivity(model, TASK, rows, rows.first(3), Progress())
    assert found.rows == 3
    assert found.loss == pytest.approx(loss(model), abs=1e-6)
    changes = {(change.layer, change.part): change for change in found.changes}
    assert len(changes) == 4 * (4 + 1 + len(WIDTHS))
    expected = {
        (1, "head 2"): without(model, {1: [2]}, {}),
        (3, "head 0"): without(model, {3: [0]}, {}),
        (2, "layer"): keep_layers(model, [0, 1, 3]),
        (3, "layer"): keep_layers(model, [0, 1, 2]),
    }
    for key, cut in expected.items():
        assert abs(loss(cut) - loss(model)) > 1e-3, "the test proves nothing"
        assert changes[key].loss == pytest.approx(loss(cut) - loss(model), abs=1e-5)
    ascending = importance(model, rows, "fisher", 0, Progress()).neurons[1].argsort().tolist()
    for share in WIDTHS:
        cut = without(model, {}, {1: ascending[: round((1 - share) * 64)]})
        assert changes[1, f"ffn {share:g}"].loss == pytest.approx(loss(cut) - loss(model), abs=1e-5)
