"""Rules that every loss keeps: its example runs, its gradient is right, and padding does not count."""

import doctest
import pkgutil
from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor
from transformers import BertConfig

from pocketbert.compress.training import losses
from pocketbert.compress.training.distillation.aligner import Aligner
from pocketbert.compress.training.distillation.alignment import Alignment
from pocketbert.compress.training.features import Key
from pocketbert.compress.training.losses import LOSSES, losses_of
from pocketbert.compress.training.losses.cross_entropy import cross_entropy
from pocketbert.compress.training.losses.distillation import distillation
from pocketbert.compress.training.losses.soft_targets import soft_targets

MODULES = sorted(module.name for module in pkgutil.iter_modules(losses.__path__))
LABELS = torch.tensor([1, -100, 0])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
OF_LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": lambda student, teacher: cross_entropy(student, LABELS),
    "soft_targets": lambda student, teacher: soft_targets(student, teacher, 2.0),
    "distillation": lambda student, teacher: distillation(student, teacher, LABELS, 0.3, 2.0),
}
ONE_LAYER = BertConfig(hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
TERMS = [
    Alignment(teacher=0, student=0, feature=feature, loss=loss.name) for loss in LOSSES.values() for feature in loss.of
]
each_term = pytest.mark.parametrize("term", TERMS, ids=lambda term: f"{term.feature}-{term.loss}")


def vectors(keys: tuple[Key, ...], seed: int) -> dict[Key, Tensor]:
    """Two rows, three tokens, four channels."""
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(2, 3, 4, generator=generator, dtype=torch.float64) for key in keys}


def test_every_module_is_registered_or_of_logits() -> None:
    assert sorted([*LOSSES, *OF_LOGITS]) == MODULES


def test_no_two_losses_of_a_feature_have_the_same_name() -> None:
    assert sum(len(losses_of(feature)) for feature in ("embedding", "hidden", "attention", "relation")) == len(TERMS)


@pytest.mark.parametrize("name", MODULES)
def test_the_example_runs(name: str) -> None:
    failed, attempted = doctest.testmod(import_module(f"{losses.__name__}.{name}"))
    assert (failed, attempted) == (0, 3)


@pytest.mark.parametrize("name", OF_LOGITS)
def test_gradient_of_logits(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda given: OF_LOGITS[name](given, teacher), student.requires_grad_())


@each_term
def test_gradient_of_vectors(term: Alignment) -> None:
    aligner = Aligner([term], ONE_LAYER, ONE_LAYER)
    ours, theirs = vectors(term.student_keys, 0), vectors(term.teacher_keys, 1)
    given = [vector.requires_grad_() for vector in ours.values()]
    assert torch.autograd.gradcheck(lambda *them: aligner(dict(zip(ours, them, strict=True)), theirs, MASK), given)


@each_term
def test_padding_does_not_count(term: Alignment) -> None:
    aligner = Aligner([term], ONE_LAYER, ONE_LAYER)
    ours, theirs = vectors(term.student_keys, 0), vectors(term.teacher_keys, 1)
    before = aligner(ours, theirs, MASK)
    for number, vector in enumerate([*ours.values(), *theirs.values()]):
        vector[1, 2] = 100.0 * (number + 1)
    assert aligner(ours, theirs, MASK).item() == before.item()
    ours[term.student_keys[0]][1, 1] += 1.0
    assert aligner(ours, theirs, MASK).item() != before.item()
