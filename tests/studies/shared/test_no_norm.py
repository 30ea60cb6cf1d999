from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import BertForSequenceClassification

from pocketbert.compress.tasks.inputs import Inputs
from studies.shared.no_norm import NoNorm, without_norms


def test_a_no_norm_does_what_the_norm_does_to_an_average_token(wide_model: Path) -> None:
    model = BertForSequenceClassification.from_pretrained(wide_model).eval()
    ids = np.random.default_rng(0).integers(5, 60, (8, 12)).tolist()
    norm, seen = model.get_submodule("bert.embeddings.LayerNorm"), []
    norm.register_forward_hook(lambda _, given, out: seen.append((given[0], out)))
    without_norms(model, Inputs(ids, padding=0))
    kinds = {type(module) for module in model.modules()}
    assert NoNorm in kinds and nn.LayerNorm not in kinds
    given, out = (torch.cat([each.flatten(0, 1) for each in part]) for part in zip(*seen, strict=True))
    ours = model.get_submodule("bert.embeddings.LayerNorm")(given)
    assert (ours - out).abs().mean() < 0.2 * out.abs().mean()
