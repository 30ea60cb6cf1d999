from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.training.distillation.aligner import Aligned, Aligner
from pocketbert.compress.training.distillation.alignment import Alignment, Feature, check, terms
from pocketbert.compress.training.features import Key
from pocketbert.compress.training.losses.attention_scores import attention_scores
from pocketbert.compress.training.losses.attention_transfer import attention_transfer
from pocketbert.compress.training.losses.cosine_embedding import cosine_embedding
from pocketbert.compress.training.losses.feature_map_transfer import feature_map_transfer
from pocketbert.compress.training.losses.self_attention_relation import self_attention_relation
from pocketbert.compress.training.states import TeacherFeatures

SIZES = {"vocab_size": 40, "max_position_embeddings": 16, "hidden_dropout_prob": 0.0}
TEACHER = BertConfig(**SIZES, hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64)
STUDENT = BertConfig(**SIZES, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32)
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])


def vectors(keys: tuple[Key, ...], width: int) -> dict[Key, Tensor]:
    generator = torch.Generator().manual_seed(width)
    return {key: torch.randn(2, 3, width, generator=generator) for key in keys}


def loss_of(aligner: Aligner) -> Tensor:
    loss: Tensor = aligner(vectors(aligner.student_keys, 16), vectors(aligner.teacher_keys, 32), MASK)
    return loss


def test_the_weighted_sum_of_its_terms() -> None:
    """Each term's loss is the one that its feature and loss name, of the layers that it names."""
    listed = [
        Alignment(feature="embedding", weight=2.0),
        Alignment(teacher=3, student=1, feature="hidden", weight=3.0),
        Alignment(teacher=1, student=0, feature="hidden", loss="cosine", weight=5.0),
        Alignment(teacher=2, student=1, feature="attention", weight=7.0),
        Alignment(teacher=1, student=0, feature="attention", loss="kl", weight=11.0),
        Alignment(teacher=3, student=1, feature="relation", weight=13.0),
    ]
    aligner = Aligner(listed, TEACHER, STUDENT)
    ours, theirs = vectors(aligner.student_keys, 16), vectors(aligner.teacher_keys, 32)
    hidden, embedding = aligner.projections["hidden"], aligner.projections["embedding"]

    def attention(layer: int, them: Mapping[Key, Tensor]) -> list[Tensor]:
        return [them[Key("query", layer)], them[Key("key", layer)]]

    def relation(layer: int, them: Mapping[Key, Tensor]) -> list[Tensor]:
        return [*attention(layer, them), them[Key("value", layer)]]

    expected = (
        2.0 * feature_map_transfer(embedding(ours[Key("embedding")]), theirs[Key("embedding")], MASK)
        + 3.0 * feature_map_transfer(hidden(ours[Key("hidden", 1)]), theirs[Key("hidden", 3)], MASK)
        + 5.0 * cosine_embedding(hidden(ours[Key("hidden", 0)]), theirs[Key("hidden", 1)], MASK)
        + 7.0 * attention_scores(*attention(1, ours), *attention(2, theirs), MASK, heads=4)
        + 11.0 * attention_transfer(*attention(0, ours), *attention(1, theirs), MASK, heads=4)
        + 13.0 * self_attention_relation(relation(1, ours), relation(3, theirs), MASK, heads=4)
    )
    assert torch.isclose(aligner(ours, theirs, MASK), expected)


@pytest.mark.parametrize(
    ("feature", "names"), [("embedding", ["embedding"]), ("hidden", ["hidden"]), ("attention", []), ("relation", [])]
)
def test_projections_stand_only_where_widths_differ(feature: Feature, names: list[str]) -> None:
    term = Alignment(feature=feature, teacher=1, student=0)
    aligner = Aligner([term], TEACHER, STUDENT)
    assert list(aligner.projections) == names
    assert [parameter.shape for parameter in aligner.parameters()] == [(32, 16)] * len(names)
    assert list(Aligner([term], TEACHER, TEACHER).parameters()) == []


def test_every_key_once() -> None:
    aligner = Aligner(terms("tinybert", terms("minilm", [], 4, 2), 4, 2), TEACHER, STUDENT)
    assert len(aligner.student_keys) == len(set(aligner.student_keys)) == 1 + 2 * 3 + 1
    assert Key("value", 3) in aligner.teacher_keys
    assert Key("query", 0) not in aligner.teacher_keys


def test_no_terms_cost_nothing() -> None:
    assert loss_of(Aligner([], TEACHER, STUDENT)).item() == 0.0


def test_autocast_does_not_blur_it() -> None:
    aligner = Aligner(terms("tinybert", [], 4, 2), TEACHER, STUDENT)
    exact = loss_of(aligner)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss_of(aligner), exact)
    half = {key: values.bfloat16() for key, values in vectors(aligner.student_keys, 16).items()}
    loss = aligner(half, vectors(aligner.teacher_keys, 32), MASK)
    assert loss.dtype == torch.float32
    assert torch.isclose(loss, exact, rtol=0.02)


@pytest.mark.parametrize("preset", ["tinybert", "minilm"])
def test_a_student_learns_what_the_teacher_says_inside(preset: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher, student = BertForSequenceClassification(TEACHER), BertForSequenceClassification(STUDENT)
    chosen = terms(preset, [], 4, 2)  # type: ignore[arg-type]
    check(chosen, TEACHER, STUDENT)
    aligned = Aligned(student, Aligner(chosen, TEACHER, STUDENT))
    rows = [torch.randint(4, 40, (length,)).tolist() for length in (5, 9, 3, 7, 9, 4, 6, 8)]
    with Progress() as progress:
        features = TeacherFeatures(lambda: teacher, Inputs(rows, 0), tmp_path, aligned.aligner.teacher_keys, progress)
    ids = torch.tensor([row + [0] * (9 - len(row)) for row in rows])
    mask = (ids != 0).long()
    optimizer = torch.optim.AdamW(aligned.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss = aligned(features.batch(range(8)), input_ids=ids, attention_mask=mask).alignment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0], losses[:: len(losses) - 1]
