"""What a recipe may say about a student, what is refused before anything trains, and what is built."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, ElectraConfig, MobileBertConfig, PretrainedConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.models.families import (
    encoder_layers,
    evenly_spaced,
    head_counts,
    is_token_level,
    neuron_counts,
)
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.stages.distill import Parameters
from pocketbert.compress.training.distillation.student import Sizes, Student, build, own_tokenizer
from tests.support.models import write_any_model, write_tiny_model

TINY = BertConfig(vocab_size=32, hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64)
LABELS = ["neg", "so-so", "pos"]
IDS = torch.tensor([[2, 5, 6, 3], [2, 8, 9, 3]])


def uneven(**layers: list[int]) -> PretrainedConfig:
    return BertConfig(**(TINY.to_dict() | {f"layer_{name}": counts for name, counts in layers.items()}))


def test_evenly_spaced() -> None:
    assert evenly_spaced(12, 4) == [2, 5, 8, 11]
    assert evenly_spaced(12, 6) == [1, 3, 5, 7, 9, 11]
    assert evenly_spaced(12, 12) == list(range(12))
    assert evenly_spaced(4, 1) == [3]
    with pytest.raises(BadInput, match=r"student\.layers is 13, the model has 12"):
        evenly_spaced(12, 13)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "no size given; add layers = 4 (optionally hidden, heads, intermediate), or architecture"),
        ({"init": "current", "layers": 4}, "init = 'current' has its own sizes; remove layers"),
        ({"init": "current", "architecture": "tinybert"}, 'init = "current" has its own architecture'),
        ({"init": "some/student", "hidden": 312}, "init = 'some/student' has its own sizes; remove hidden"),
        ({"architecture": "mobilebert"}, 'a mobilebert cannot take these layers; use init = "random"'),
        ({"init": "random", "layers": [0, 1]}, 'with "random" use a number'),
        ({"layers": 0}, "expected 1 to 128"),
        ({"layers": []}, "a list of layers in ascending order"),
        ({"layers": [2, 1]}, "a list of layers in ascending order"),
        ({"layers": [1, 1]}, "a list of layers in ascending order"),
        ({"init": ""}, "at least 1 character"),
        ({"architecture": "albert"}, "'teacher', 'tinybert', 'mobilebert' or 'static'"),
        ({"architecture": "static", "layers": 2}, "a static student has no layers; remove layers"),
        ({"architecture": "static", "activation": "relu"}, "a static student has no layers; remove activation"),
        ({"architecture": "static", "init": "current"}, "init = 'current' is no static model"),
        ({"architecture": "static", "hidden": 16}, 'have their own width; remove hidden, or use init = "random"'),
        ({"layers": 2, "activation": "swish"}, "'gelu' or 'relu'"),
        ({"layers": 2, "width": 3}, "width"),
    ],
)
def test_what_a_recipe_may_not_say(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Student.model_validate(table)


@pytest.mark.parametrize(
    ("table", "config", "said"),
    [
        ({"layers": 5}, TINY, "student.layers is 5, the model has 4; allowed: 1 to 4"),
        ({"layers": [1, 4]}, TINY, "student.layers: the model has no layer 4; allowed: 0 to 3"),
        ({"layers": [-1, 2]}, TINY, "student.layers: the model has no layer -1; allowed: 0 to 3"),
        ({"hidden": 30}, TINY, "student.hidden is 30, and it does not divide into 4 heads; allowed: multiples of 4"),
        (
            {"init": "random", "heads": 3},
            TINY,
            "hidden is 32, and it does not divide into 3 heads; allowed: multiples of 3",
        ),
        ({"hidden": 64}, TINY, "student.hidden is 64, the model has 32; allowed: up to 32"),
        ({"architecture": "tinybert"}, TINY, "student.hidden is 312, the model has 32; allowed: up to 32"),
        ({"heads": 2}, TINY, "student.hidden / student.heads is 16, a head of the model has 8; allowed: up to 8"),
        ({"hidden": 16, "intermediate": 65}, TINY, "student.intermediate is 65, layer 0 has 64; allowed: up to 64"),
        ({"hidden": 16}, uneven(heads=[4, 4, 2, 4]), "student.heads is 4, layer 2 has 2; allowed: up to 2"),
        (
            {"layers": [1], "hidden": 16},
            uneven(intermediate=[0, 48, 0, 64]),
            "student.intermediate is 64, layer 1 has 48",
        ),
        ({"layers": 2}, MobileBertConfig(), "a mobilebert model cannot be compressed"),
        ({"init": "random"}, MobileBertConfig(), "a mobilebert model cannot be compressed"),
        (
            {"init": "random", "architecture": "mobilebert", "hidden": 312},
            TINY,
            "student.hidden is 312, and a quarter of it does not divide into 4 heads; allowed: multiples of 16",
        ),
        (
            {"hidden": 16, "heads": 2},
            ElectraConfig(embedding_size=16, hidden_size=32, num_attention_heads=4, num_hidden_layers=2),
            "student.hidden is 16, the width of the embeddings",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_trains(
    table: dict[str, Any], config: PretrainedConfig, said: str
) -> None:
    parameters = Parameters.model_validate({"student": table})
    with pytest.raises(BadInput, match=re.escape(said)) as complaint:
        parameters.check(config)
    assert str(complaint.value).startswith(("distill: ", "a mobilebert"))


@pytest.mark.parametrize(
    ("table", "config"),
    [
        ({"init": "current"}, MobileBertConfig()),
        ({"layers": [0, 3], "hidden": 16}, uneven(heads=[4, 2, 2, 4])),
        ({"hidden": 16, "heads": 2}, uneven(heads=[2, 3, 4, 4])),
        ({"init": "random", "architecture": "mobilebert"}, TINY),
        ({"init": "random", "layers": 6}, TINY),
        ({"architecture": "tinybert"}, BertConfig()),
        ({"architecture": "static"}, MobileBertConfig()),
        ({"architecture": "static", "init": "random", "hidden": 100}, TINY),
    ],
)
def test_what_can_be_made_is_not_refused(table: dict[str, Any], config: PretrainedConfig) -> None:
    Student.model_validate(table).check(config)


def test_sizes_are_asked_for_or_the_architectures_or_the_models() -> None:
    assert Student(layers=2, hidden=16).sizes(TINY) == Sizes(2, 16, 4, 64)
    assert Student(layers=(0, 1, 3)).sizes(TINY).layers == 3
    assert Student(architecture="tinybert").sizes(BertConfig()) == Sizes(4, 312, 12, 1200)
    assert Student(architecture="tinybert", layers=6).sizes(BertConfig()) == Sizes(6, 312, 12, 1200)
    assert Student(init="random", architecture="mobilebert").sizes(TINY) == Sizes(24, 512, 4, 512)
    assert Student(architecture="tinybert").kept_layers(BertConfig()) == [2, 5, 8, 11]


def test_layers_keep_their_shapes_unless_sizes_are_given(any_model: Path) -> None:
    model = without(load_classifier(any_model), {3: [0, 1]}, {1: [7]})
    student, tokenizer = build(Student(layers=(1, 3)), model, ["a", "b"], is_token_level(model), 0)
    assert tokenizer is None
    assert (head_counts(student.config), neuron_counts(student.config)) == ([4, 2], [63, 64])
    for mine, theirs in ((0, 1), (1, 3)):
        name = "attention.self.query.weight"
        mine_weight = encoder_layers(student)[mine].get_parameter(name)
        assert torch.equal(mine_weight, encoder_layers(model)[theirs].get_parameter(name))
    with torch.no_grad():
        next(student.parameters()).zero_()
    assert next(model.parameters()).abs().sum() > 0, "student and teacher share a tensor"
    same, tokenizer = build(Student(init="current"), model, ["a", "b"], is_token_level(model), 0)
    assert same is model and tokenizer is None


@pytest.mark.parametrize("architecture", ["teacher", "mobilebert"])
def test_fresh_students_follow_the_seed(any_model: Path, architecture: str, tmp_path: Path) -> None:
    model = without(load_classifier(any_model), {0: [1]}, {})
    token_level = is_token_level(model)
    table = Student.model_validate(
        {"init": "random", "architecture": architecture, "layers": 2, "hidden": 16, "heads": 2, "intermediate": 24}
    )
    first, again, other = (build(table, model, LABELS, token_level, seed)[0] for seed in (1, 1, 2))
    weights = [torch.cat([weight.flatten() for weight in made.parameters()]) for made in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert first.config.model_type == (architecture if architecture == "mobilebert" else model.config.model_type[7:])
    assert (first.config.id2label, first.config.label2id["pos"]) == (dict(enumerate(LABELS)), 2)
    assert len(encoder_layers(first)) == 2
    first.save_pretrained(tmp_path)
    loaded = load_classifier(tmp_path).eval()
    assert is_token_level(loaded) == token_level
    with torch.no_grad():
        logits = first(IDS).logits
        assert torch.equal(loaded(IDS).logits, logits)
    assert logits.shape == ((2, 4, 3) if token_level else (2, 3))
    batch = {"input_ids": IDS.numpy(), "attention_mask": torch.ones_like(IDS).numpy()}
    assert torch.equal(torch.from_numpy(open_session("torch", tmp_path, 1).logits(batch)), logits)
    longest = torch.full((1, 64 - (2 if "roberta" in any_model.name else 0)), 5)
    assert first(longest).logits.isfinite().all(), "fewer positions than the teacher has"


def test_electra_without_a_projection_gets_none(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "electra", embedding_size=32))
    student, _ = build(Student(layers=2, hidden=16), model, ["a", "b"], False, 0)
    assert student.config.embedding_size == 16
    assert student(IDS).logits.shape == (2, 2)


def activations(model: torch.nn.Module) -> set[str]:
    return {type(m.intermediate_act_fn).__name__ for m in model.modules() if hasattr(m, "intermediate_act_fn")}


@pytest.mark.parametrize(
    "table",
    [
        {"layers": 2},
        {"layers": 2, "hidden": 16},
        {"init": "random", "layers": 2},
        {"init": "random", "architecture": "mobilebert", "layers": 2, "hidden": 16, "heads": 2, "intermediate": 24},
        {"init": "current"},
    ],
    ids=["layers", "narrower", "random", "mobilebert", "current"],
)
def test_every_ffn_has_the_activation_that_is_asked_for(
    tiny_model: Path, tmp_path: Path, table: dict[str, Any]
) -> None:
    """Also in a layer without neurons, which has no activation, and after saving and loading."""
    model = (
        without(load_classifier(tiny_model), {}, {3: range(64)})
        if "hidden" not in table
        else load_classifier(tiny_model)
    )
    wanted = "gelu" if table.get("architecture") == "mobilebert" else "relu"
    student, _ = build(Student.model_validate(table | {"activation": wanted}), model, ["a", "b"], False, 0)
    student.save_pretrained(tmp_path)
    again = load_classifier(tmp_path)
    assert student.config.hidden_act == again.config.hidden_act == wanted
    assert activations(student) == activations(again) == {"ReLU" if wanted == "relu" else "GELUActivation"}
    with torch.no_grad():
        logits = student.eval()(IDS).logits
        assert torch.equal(again(IDS).logits, logits)
        assert torch.allclose(traceable(student)[0](IDS, torch.ones_like(IDS)), logits, atol=1e-5)


def test_a_static_student_begins_with_the_models_embeddings(any_model: Path) -> None:
    model = load_classifier(any_model)
    student, _ = build(Student(architecture="static"), model, LABELS, False, 0)
    words = model.get_input_embeddings().weight
    assert torch.equal(student.get_input_embeddings().weight, words)
    assert student.config.hidden_size == words.shape[1]
    with torch.no_grad():
        student.get_input_embeddings().weight.zero_()
    assert words.abs().sum() > 0, "student and teacher share a tensor"
    fresh, _ = build(Student(init="random", architecture="static", hidden=8), model, LABELS, False, 0)
    assert fresh.get_input_embeddings().weight.shape == (32, 8)
    assert fresh.config.label2id == {label: number for number, label in enumerate(LABELS)}


@pytest.mark.parametrize("token_level", [False, True])
def test_a_pretrained_student_brings_its_tokenizer_and_gets_the_tasks_head(tiny_model: Path, token_level: bool) -> None:
    teacher: Any = type("Teacher", (), {"config": TINY})
    wanted = Student(init=str(tiny_model))
    student, tokenizer = build(wanted, teacher, LABELS, token_level, 0)
    assert tokenizer is not None
    assert tokenizer("好差")["input_ids"][0] == 2
    assert own_tokenizer(wanted).get_vocab() == tokenizer.get_vocab()
    assert own_tokenizer(Student(init="current")) is None
    assert is_token_level(student) == token_level
    assert student.config.label2id == {label: number for number, label in enumerate(LABELS)}
    words = load_classifier(tiny_model).bert.embeddings.word_embeddings.weight
    assert torch.equal(student.bert.embeddings.word_embeddings.weight, words)


def test_pretrained_students_that_are_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import DistilBertConfig

    folder = write_tiny_model(tmp_path / "student")
    with pytest.raises(BadInput, match=r"is a bert model; allowed: mobilebert"):
        Student(init=str(folder), architecture="mobilebert").check(TINY)
    DistilBertConfig().save_pretrained(folder)
    with pytest.raises(BadInput, match=r"is a distilbert model; allowed: bert, roberta, electra, ernie, mobilebert"):
        Student(init=str(folder)).check(TINY)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    wanted = Student(init="teacher_layers")
    said = "'teacher_layers' is none of teacher-layers, random, current, so a hub id or a folder: .*offline: pocketbert"
    with pytest.raises(BadInput, match=said) as complaint:
        wanted.check(TINY)
    assert "\n" not in str(complaint.value)
    with pytest.raises(BadInput, match=r"'teacher_layers': .*offline: pocketbert"):
        own_tokenizer(wanted)
