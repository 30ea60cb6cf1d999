import pytest
from pydantic import ValidationError
from transformers import BertConfig, MobileBertConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.modeling_uneven import UnevenBertConfig
from pocketbert.compress.training.distillation.alignment import Alignment, Preset, check, terms
from pocketbert.compress.training.features import Key

TEACHER = BertConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=12)
STUDENT = BertConfig(hidden_size=312, num_hidden_layers=4, num_attention_heads=12)
PRUNED = UnevenBertConfig(
    hidden_size=384, num_hidden_layers=4, num_attention_heads=12, layer_heads=[12, 9, 0, 7], layer_intermediate=[8] * 4
)


@pytest.mark.parametrize(
    ("feature", "loss"), [("embedding", "mse"), ("hidden", "mse"), ("attention", "mse"), ("relation", "kl")]
)
def test_each_feature_has_its_default_loss(feature: str, loss: str) -> None:
    term = Alignment.model_validate({"teacher": 3, "student": 1, "feature": feature})
    assert (term.loss, term.weight) == (loss, 1.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"feature": "hidden", "loss": "kl"}, 'not a loss of feature = "hidden"; allowed: mse, cosine'),
        ({"feature": "embedding", "loss": "kl"}, 'not a loss of feature = "embedding"; allowed: mse, cosine'),
        ({"feature": "attention", "loss": "cosine"}, 'not a loss of feature = "attention"; allowed: mse, kl'),
        ({"feature": "relation", "loss": "mse"}, 'not a loss of feature = "relation"; allowed: kl'),
        ({"feature": "logits"}, "'embedding', 'hidden', 'attention' or 'relation'"),
        ({"feature": "hidden", "weight": 0}, "greater than 0"),
        ({"feature": "hidden", "teacher": -1}, "greater than or equal to 0"),
        ({"feature": "hidden", "layer": 1}, "not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Alignment.model_validate({"teacher": 0, "student": 0} | table)


def test_only_the_embedding_has_no_layers() -> None:
    term = Alignment(feature="embedding")
    assert term.teacher_keys == term.student_keys == (Key("embedding", 0),)
    assert Alignment(feature="embedding", teacher=5, student=2).teacher_keys == (Key("embedding", 0),)
    with pytest.raises(ValidationError, match='feature = "hidden" needs two layers, teacher and student'):
        Alignment(feature="hidden", student=2)


def test_keys_are_what_the_losses_are_made_of() -> None:
    assert Alignment(teacher=7, student=2, feature="attention").teacher_keys == (Key("query", 7), Key("key", 7))
    relation = Alignment(teacher=7, student=2, feature="relation")
    assert relation.student_keys == (Key("query", 2), Key("key", 2), Key("value", 2))


def test_presets() -> None:
    own = Alignment(teacher=4, student=0, feature="hidden", loss="cosine", weight=0.5)
    assert terms("logits", [own], 12, 4) == (own,)
    assert terms("minilm", [own], 12, 4) == (Alignment(teacher=11, student=3, feature="relation"), own)
    embedding, *layered, last = terms("tinybert", [own], 12, 4)
    assert (embedding, last) == (Alignment(feature="embedding"), own)
    pairs = [(term.teacher, term.student, term.feature) for term in layered]
    assert pairs == [(t, s, f) for s, t in enumerate((2, 5, 8, 11)) for f in ("hidden", "attention")]
    assert [term.teacher for term in terms("tinybert", [], 7, 3)[1::2]] == [1, 3, 6]
    with pytest.raises(BadInput, match="the student has 24 layers, the teacher 12"):
        terms("tinybert", [], 12, 24)


@pytest.mark.parametrize("preset", ["logits", "tinybert", "minilm"])
def test_presets_fit_a_narrower_student(preset: str) -> None:
    check(terms(preset, [], 12, 4), TEACHER, STUDENT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("teacher", "student", "feature", "message"),
    [
        (12, 0, "hidden", "hidden: the teacher has no layer 12; allowed: 0 to 11"),
        (0, 4, "relation", "relation: the student has no layer 4; allowed: 0 to 3"),
        (
            5,
            1,
            "attention",
            'layer 1 of the student has 9 heads, layer 5 of the teacher 12, .*; use feature = "relation"',
        ),
        (5, 2, "attention", "attention: layer 2 of the student has no attention heads left"),
        (5, 2, "relation", "relation: layer 2 of the student has no attention heads left"),
    ],
)
def test_check_refuses_what_is_not_there(teacher: int, student: int, feature: str, message: str) -> None:
    term = Alignment.model_validate({"teacher": teacher, "student": student, "feature": feature})
    with pytest.raises(BadInput, match=message):
        check([term], TEACHER, PRUNED)


def test_a_pruned_layer_has_what_it_has() -> None:
    check([Alignment(teacher=5, student=2, feature="hidden")], TEACHER, PRUNED)
    check([Alignment(teacher=5, student=0, feature="attention")], TEACHER, PRUNED)
    check([Alignment(teacher=5, student=1, feature="relation")], TEACHER, PRUNED)


@pytest.mark.parametrize(
    ("student", "layer", "heads"),
    [
        (STUDENT, 0, 12),  # 384 and 312
        (BertConfig(hidden_size=256, num_hidden_layers=4, num_attention_heads=4), 0, 8),  # 384 and 256
        (PRUNED, 1, 12),  # 384 and 9 × 32
        (PRUNED, 3, 8),  # 384 and 7 × 32
        (MobileBertConfig(hidden_size=512, intra_bottleneck_size=96, num_attention_heads=4), 0, 12),  # 384 and 96
        (BertConfig(hidden_size=35, num_hidden_layers=4, num_attention_heads=5), 0, 1),  # 384 and 35
    ],
)
def test_relation_heads_divide_both_widths(student: BertConfig, layer: int, heads: int) -> None:
    assert Alignment(teacher=11, student=layer, feature="relation").heads(TEACHER, student) == heads


@pytest.mark.parametrize("preset", ["minilm", "tinybert"])
@pytest.mark.parametrize("layers", [(12, 0), (0, 4)])
def test_a_model_without_layers_has_none_to_align(preset: Preset, layers: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match=f'preset = "{preset}" aligns layers, and a static model has none'):
        terms(preset, [], *layers)
