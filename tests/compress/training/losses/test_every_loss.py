"""What every loss promises: its example runs, its gradient is right, padding does not count."""

import doctest
import pkgutil
from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor

import pocketbert.compress.training.losses
from pocketbert.compress.training.losses.attention_scores import attention_scores
from pocketbert.compress.training.losses.attention_transfer import attention_transfer
from pocketbert.compress.training.losses.cosine_embedding import cosine_embedding
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.losses.distillation import distillation
from pocketbert.compress.training.losses.feature_map_transfer import feature_map_transfer
from pocketbert.compress.training.losses.self_attention_relation import self_attention_relation
from pocketbert.compress.training.losses.soft_targets import soft_targets

MODULES = sorted(module.name for module in pkgutil.iter_modules(pocketbert.compress.training.losses.__path__))
LABELS = torch.tensor([1, -100, 0])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
OF_LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": lambda student, teacher: cross_entropy(student, LABELS),
    "soft_targets": lambda student, teacher: soft_targets(student, teacher, 2.0),
    "distillation": lambda student, teacher: distillation(student, teacher, LABELS, 0.3, 2.0),
}
OF_VECTORS: dict[str, Callable[[list[Tensor], list[Tensor]], Tensor]] = {
    "feature_map_transfer": lambda ours, theirs: feature_map_transfer(ours[0], theirs[0], MASK),
    "cosine_embedding": lambda ours, theirs: cosine_embedding(ours[0], theirs[0], MASK),
    "attention_scores": lambda ours, theirs: attention_scores(*ours[:2], *theirs[:2], MASK, heads=2),
    "attention_transfer": lambda ours, theirs: attention_transfer(*ours[:2], *theirs[:2], MASK, heads=2),
    "self_attention_relation": lambda ours, theirs: self_attention_relation(ours, theirs, MASK, heads=2),
}


def vectors() -> tuple[list[Tensor], list[Tensor]]:
    """Three of the student and three of the teacher: two rows, three tokens, four channels."""
    generator = torch.Generator().manual_seed(0)
    made = torch.randn(6, 2, 3, 4, generator=generator, dtype=torch.float64).unbind()
    return list(made[:3]), list(made[3:])


def test_no_loss_is_left_out() -> None:
    assert sorted(pocketbert.compress.training.losses.__all__) == MODULES == sorted(OF_LOGITS | OF_VECTORS)


@pytest.mark.parametrize("name", MODULES)
def test_the_example_runs(name: str) -> None:
    failed, attempted = doctest.testmod(import_module(f"pocketbert.compress.training.losses.{name}"))
    assert (failed, attempted) == (0, 3)


@pytest.mark.parametrize("name", OF_LOGITS)
def test_gradient_of_logits(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda given: OF_LOGITS[name](given, teacher), student.requires_grad_())


@pytest.mark.parametrize("name", OF_VECTORS)
def test_gradient_of_vectors(name: str) -> None:
    ours, theirs = vectors()
    given = [vector.requires_grad_() for vector in ours]
    used = {"self_attention_relation": 3, "attention_scores": 2, "attention_transfer": 2}.get(name, 1)
    assert torch.autograd.gradcheck(lambda *them: OF_VECTORS[name]([*them], theirs), given[:used])


@pytest.mark.parametrize("name", OF_VECTORS)
def test_padding_does_not_count(name: str) -> None:
    ours, theirs = vectors()
    before = OF_VECTORS[name](ours, theirs)
    for number, vector in enumerate([*ours, *theirs]):
        vector[1, 2] = 100.0 * (number + 1)
    assert OF_VECTORS[name](ours, theirs).item() == before.item()
    ours[0][1, 1] += 1.0
    assert OF_VECTORS[name](ours, theirs).item() != before.item()
