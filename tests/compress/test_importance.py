from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from compress.importance import head_importance, head_masks
from compress.modeling import load_classifier
from compress.progress import Progress
from compress.stages import Context, Rows
from compress.stages.prune_heads import without_heads

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])


def test_masked_and_pruned_heads_give_the_same_logits(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    removed = {0: [0, 3], 1: [2], 3: [0, 1, 2]}
    with head_masks(model) as masks, torch.no_grad():
        for layer, heads in removed.items():
            masks[layer][:, heads] = 0.0
        masked = model(input_ids=IDS, attention_mask=MASK).logits
    full = model(input_ids=IDS, attention_mask=MASK).logits
    pruned = without_heads(model, removed)(input_ids=IDS, attention_mask=MASK).logits
    assert (pruned - masked).abs().max() < 1e-5
    assert (pruned - full).abs().max() > 1e-5, "pruning did nothing, the test proves nothing"


def test_importance_is_the_gradient_of_the_mask(tiny_model: Path, tmp_path: Path) -> None:
    model = load_classifier(tiny_model).double().eval()  # float32 drowns the finite difference
    texts, labels = [[2, 5, 6, 7, 3], [2, 14, 9, 11, 3]], [1, 1]
    rows = Rows(texts, labels)
    with Progress() as progress:
        unused: Any = None
        context = Context(unused, rows, rows, 0, 0, tmp_path, progress, unused)
        scores = head_importance(model, context, 2)
    gradients = []
    for head in range(4):
        losses = []
        for step in (1e-2, -1e-2):
            with head_masks(model) as masks, torch.no_grad():
                masks[2][0, head] += step
                logits = model(torch.tensor(texts)).logits
            losses.append(functional.cross_entropy(logits, torch.tensor(labels), reduction="none"))
        gradients.append(((losses[0] - losses[1]) / 2e-2).abs().sum())
    expected = torch.stack(gradients)
    assert torch.allclose(scores[2].double(), expected / expected.norm(), atol=1e-2)
    assert all(parameter.requires_grad for parameter in model.parameters())
