"""A sliced student is its teacher with everything else set to zero and LayerNorm looking at what is left."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pocketbert.compress.models.families import PROJECTIONS, encoder_layers, is_token_level
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import keep_layers, without
from pocketbert.compress.training.distillation.student import Student, build

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 10, 3]])
QUERY, KEY, VALUE = PROJECTIONS
STUDENT = Student(layers=(1, 3), hidden=18, heads=3, intermediate=40)  # heads of 6 channels, the teacher's have 8


class KeptNorm(nn.Module):
    """LayerNorm over the channels `kept`; the others are 0."""

    def __init__(self, norm: nn.LayerNorm, kept: Tensor) -> None:
        super().__init__()
        self.norm, self.kept = norm, kept

    def forward(self, hidden: Tensor) -> Tensor:
        weight, bias = self.norm.weight[self.kept], self.norm.bias[self.kept]
        out = torch.zeros_like(hidden)
        out[..., self.kept] = nn.functional.layer_norm(
            hidden[..., self.kept], (len(self.kept),), weight, bias, self.norm.eps
        )
        return out


@pytest.fixture
def teacher(any_model: Path) -> Any:
    """Uneven, and no weight is what another one is."""
    model = load_classifier(any_model)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return without(model, {0: range(4), 1: [2]}, {0: range(60), 3: range(10)})


def rows(small: Tensor, large: Tensor) -> Tensor:
    """Which rows of `large` those of `small` are, one after another."""
    same = (small[:, None] == large[None]).all(dim=-1)
    assert (same.sum(dim=1) == 1).all(), "a row that the teacher does not have"
    found = same.int().argmax(dim=1)
    assert torch.equal(found, found.unique()), "in another order"
    return found


@torch.no_grad()
def masked(student: Any, teacher: Any) -> Any:
    """The teacher's layers with zeros wherever `student` has no channel, head or neuron."""
    model, base = keep_layers(teacher, [1, 3]), student.base_model
    if project := getattr(model.base_model, "embeddings_project", None):
        kept = rows(base.embeddings_project.weight, project.weight)
        gone = [channel for channel in range(32) if channel not in kept]
        project.weight[gone] = project.bias[gone] = 0
    else:
        kept = rows(
            base.embeddings.position_embeddings.weight.T, model.base_model.embeddings.position_embeddings.weight.T
        )
        model.base_model.embeddings.LayerNorm = KeptNorm(model.base_model.embeddings.LayerNorm, kept)
    for mine, theirs in zip(encoder_layers(student), encoder_layers(model), strict=True):
        for name, silent in ((KEY, QUERY), (VALUE, VALUE)):  # a key that no query asks for
            weight = theirs.get_submodule(name).weight
            left = rows(mine.get_submodule(name).weight, weight[:, kept])
            gone = [channel for channel in range(len(weight)) if channel not in left]
            theirs.get_submodule(silent).weight[gone] = theirs.get_submodule(silent).bias[gone] = 0
        neurons = rows(mine.intermediate.dense.weight, theirs.intermediate.dense.weight[:, kept])
        theirs.output.dense.weight[:, [n for n in range(theirs.output.dense.in_features) if n not in neurons]] = 0
        theirs.attention.output.LayerNorm = KeptNorm(theirs.attention.output.LayerNorm, kept)
        theirs.output.LayerNorm = KeptNorm(theirs.output.LayerNorm, kept)
    if not is_token_level(student):
        inner, outer = ("classifier.dense", "classifier.out_proj")
        if getattr(base, "pooler", None):
            inner, outer = f"{model.base_model_prefix}.pooler.dense", "classifier"
        neurons = rows(student.get_submodule(inner).weight, model.get_submodule(inner).weight[:, kept])
        model.get_submodule(outer).weight[:, [n for n in range(32) if n not in neurons]] = 0
    return model


def test_a_sliced_student_is_the_masked_teacher(teacher: Any) -> None:
    student, tokenizer = build(STUDENT, teacher, ["a", "b"], is_token_level(teacher), 0)
    assert tokenizer is None
    config = student.config
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (18, 3, 40)
    assert not hasattr(config, "layer_heads"), "an even student needs no code of ours"
    with torch.no_grad():
        mine, theirs = student(IDS).logits, masked(student, teacher)(IDS).logits
    assert torch.allclose(mine, theirs, atol=1e-4)
    assert (mine - teacher(IDS).logits).abs().max() > 1e-2, "slicing did nothing, the test proves nothing"


@torch.no_grad()
def test_what_weighs_most_stays(tiny_model: Path) -> None:
    model = load_classifier(tiny_model).eval()
    stream = [channel for channel in range(32) if channel % 16 < 9]
    neurons = [neuron for neuron in range(64) if neuron % 8 < 5]
    inside = [channel for channel in range(32) if channel % 8 < 6]
    for name, weight in model.named_parameters():
        if name.endswith(("LayerNorm.weight", "_embeddings.weight")):
            weight[..., stream] *= 3
    for layer in encoder_layers(model):
        layer.intermediate.dense.weight[neurons] *= 3
        layer.attention.self.value.weight[8:] *= 3  # heads 1, 2 and 3
        layer.attention.self.value.weight[inside] *= 3
        layer.attention.self.key.weight[[channel + 2 for channel in inside]] *= 3
    model.bert.pooler.dense.weight[14:] *= 100
    student, _ = build(STUDENT, model, ["neg", "pos"], False, 0)
    kept = rows(
        student.bert.embeddings.position_embeddings.weight.T, model.bert.embeddings.position_embeddings.weight.T
    )
    assert kept.tolist() == stream
    for mine, number in zip(encoder_layers(student), (1, 3), strict=True):
        theirs = encoder_layers(model)[number]
        found = {
            name: rows(mine.get_submodule(name).weight, theirs.get_submodule(name).weight[:, kept]).tolist()
            for name in (KEY, VALUE, "intermediate.dense")
        }
        assert found[VALUE] == [channel for channel in inside if channel >= 8]
        assert found[KEY] == [channel + 2 for channel in inside if channel >= 8]
        assert found["intermediate.dense"] == neurons
    assert rows(student.bert.pooler.dense.weight, model.bert.pooler.dense.weight[:, kept]).tolist() == [*range(14, 32)]
