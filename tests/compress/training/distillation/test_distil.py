from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from transformers import BertConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.own_code import modules_of
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.stages import stage_module
from pocketbert.compress.tasks.rows import Rows, Tokens
from pocketbert.compress.training import losses, trainer
from pocketbert.compress.training.context import Context
from pocketbert.compress.training.distillation.alignment import Preset
from pocketbert.compress.training.distillation.distil import Distillation, distil
from pocketbert.compress.training.losses import LOSSES
from pocketbert.compress.training.teacher import Teacher
from tests.support.models import context_of, rows_of

SEQUENCES = [[2, 5 + row % 9, 6, 3][: 3 + row % 2] for row in range(16)]
TINYBERT = ("feature_map_transfer", "attention_scores")
COSINE = {"teacher": 0, "student": 0, "feature": "hidden", "loss": "cosine"}


@pytest.fixture
def rows() -> Rows:
    return rows_of(SEQUENCES, [row % 2 for row in range(8)] + [-100] * 8)


@pytest.fixture
def context(rows: Rows, tiny_model: Path, tmp_path: Path) -> Context:
    """Eight rows with labels and eight without; the teacher is the tiny model."""
    (tmp_path / "step/tokenizer").mkdir(parents=True)
    (tmp_path / "step/model").symlink_to(tiny_model)
    tokens = Tokens(rows, rows.first(8), rows.first(8))
    teacher = Teacher(tmp_path / "step", "key", tokens, lambda: load_classifier(tiny_model), Progress())
    made: Context = context_of(rows.first(8), tmp_path / "scratch", teacher=teacher)
    return Context(**(vars(made) | {"train": rows}))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of `train`; nothing is trained."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(trainer, "train", lambda *arguments, **_: (calls.append(arguments), [0.5, 0.6])[1])
    return calls


@pytest.mark.parametrize(
    ("table", "modules"),
    [
        ({}, ()),
        ({"preset": "minilm"}, ("self_attention_relation",)),
        ({"preset": "tinybert"}, TINYBERT),
        ({"preset": "tinybert", "align": [COSINE]}, (*TINYBERT, "cosine_embedding")),
    ],
)
def test_loss_modules_are_those_of_all_terms(table: dict[str, Any], modules: tuple[str, ...]) -> None:
    settings = Distillation.model_validate(table)
    assert settings.loss_modules() == tuple(f"{losses.__name__}.{module}" for module in modules)
    assert settings.aligned == bool(table)


@pytest.mark.parametrize("kind", ["distill", "prune-heads", "sparsify"])
def test_the_cache_key_of_a_stage_covers_its_losses(kind: str) -> None:
    """The aligner loads them by name, so `own_code` does not find them by itself."""
    settings: dict[str, Any] = {"preset": "minilm", "align": [COSINE]}
    tables: dict[str, dict[str, Any]] = {
        "distill": {"student": {"layers": 2}, **settings},
        "prune-heads": {"ratio": 0.5, "recover": settings},
        "sparsify": {"amount": 0.5, "recover": settings},
    }
    module = stage_module(kind)
    parameters = module.Parameters.model_validate(tables[kind])
    read = set(modules_of(module.__name__, *parameters.plug_ins()))
    expected = {"self_attention_relation", "cosine_embedding", "attention_transfer"}  # the first one imports the last
    assert {name for name in LOSSES if f"{losses.__name__}.{name}" in read} == expected | {"attention_scores"}
    without = {key: value for key, value in tables[kind].items() if key not in ("recover", "preset", "align")}
    assert module.Parameters.model_validate(without).plug_ins() == ()


def test_every_preset_has_its_terms() -> None:
    config = BertConfig(hidden_size=32, num_hidden_layers=4, num_attention_heads=4)
    counts = [len(Distillation(preset=preset).alignments(config, config)) for preset in get_args(Preset)]
    assert counts == [0, 1 + 2 * 4, 1]
    with pytest.raises(BadInput, match="hidden: the teacher has no layer 9; allowed: 0 to 3"):
        Distillation.model_validate({"align": [COSINE | {"teacher": 9}]}).alignments(config, config)


@pytest.mark.parametrize(
    ("table", "count", "logits"),
    [
        ({"alpha": 1}, 8, False),
        ({"alpha": 0.5}, 16, True),
        ({"alpha": 1, "preset": "minilm"}, 16, False),
    ],
)
def test_rows_without_labels_are_used_only_with_the_teacher(
    context: Context, tiny_model: Path, trained: list[tuple[Any, ...]], table: dict[str, Any], count: int, logits: bool
) -> None:
    distil(load_classifier(tiny_model), context, Distillation.model_validate(table), "x")
    [(_, _, examples, *_)] = trained
    assert len(examples.rows.inputs) == count
    assert list(examples.columns) == (["teacher_logits"] if logits else [])
    assert "accuracy after each epoch: 50.0 %, 60.0 %; the best is kept" in context.remarks


def test_the_loss_of_a_batch_is_labels_logits_and_alignment(
    context: Context, tiny_model: Path, trained: list[tuple[Any, ...]]
) -> None:
    settings = Distillation.model_validate({"alpha": 0.25, "temperature": 1.0, "preset": "minilm"})
    distil(load_classifier(tiny_model), context, settings, "x")
    [(_, _, _, _, loss, *_)] = trained
    logits, outputs = torch.zeros(2, 2), type("Outputs", (), {"alignment": torch.tensor(10.0)})()
    batch = {"teacher_logits": torch.tensor([[1.0986, 0.0]] * 2), "labels": torch.tensor([0, -100])}
    assert loss(logits, batch, outputs).item() == pytest.approx(10 + 0.25 * 0.6931 + 0.75 * 0.1308, abs=1e-3)
    assert loss(logits, batch, object()).item() == pytest.approx(0.25 * 0.6931 + 0.75 * 0.1308, abs=1e-3)


def test_a_batch_has_the_teachers_vectors_of_the_same_rows(
    context: Context, tiny_model: Path, trained: list[tuple[Any, ...]]
) -> None:
    distil(load_classifier(tiny_model), context, Distillation(preset="minilm"), "x")
    [(model, _, examples, *_)] = trained
    inputs = examples.batch([3, 0])["inputs"]
    assert inputs["input_ids"].tolist() == [SEQUENCES[3], [*SEQUENCES[0], 0]]
    assert tuple(inputs["teacher"]) == model.aligner.teacher_keys
    for vectors in inputs["teacher"].values():
        assert vectors.shape == (2, 4, 32)
        assert vectors[0, 3].any() and not vectors[1, 3].any(), "row 0 has 3 tokens, row 3 has 4"
    assert model.eval()(**inputs).alignment.item() == pytest.approx(0, abs=1e-4), "the student is the teacher"


def test_layers_are_aligned_only_between_equal_tokens(context: Context, tiny_model: Path) -> None:
    longer = rows_of([[*sequence, 3] for sequence in SEQUENCES], [0] * 16)
    other = Context(**(vars(context) | {"train": longer}))
    with pytest.raises(BadInput, match=r"distill: student and teacher tokenize the texts differently, .* use preset"):
        distil(load_classifier(tiny_model), other, Distillation(preset="minilm"), "x")


@pytest.mark.parametrize("kind", ["distill", "recover"])
def test_both_trainings_of_a_recipe_may_round(
    context: Context, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The student alone rounds, and while it is trained alone."""
    table: dict[str, Any] = {"student": {"init": "current"}, "fake_quant": "int4", "preset": "minilm"}
    if kind == "recover":
        cut = stage_module("prune-ffn").Parameters(ratio=0.5, recover={"fake_quant": "int4", "preset": "minilm"})
        settings = cut.recover
    else:
        settings = stage_module("distill").Parameters.model_validate(table)
    student, rounding = load_classifier(tiny_model), []

    def train(trained: Any, *_: Any, callbacks: Any, patient_from: float) -> list[float]:
        rounding.extend(name for name, module in trained.named_modules() if "forward" in vars(module))
        assert [type(callback).__name__ for callback in callbacks] == ["FakeQuant"]
        assert patient_from == 0.5, "patience counts epochs that do not round yet"
        return [0.5]

    monkeypatch.setattr(trainer, "train", train)
    distil(student, context, settings, "x")
    assert len(rounding) == 4 * 6 + 2 + 3 and all(name.startswith("student.") for name in rounding)
    assert not any("forward" in vars(module) for module in student.modules())
    with pytest.raises(ValueError, match="'int8' or 'int4'"):
        Distillation.model_validate({"fake_quant": "int2"})


def test_without_a_teacher_nothing_is_distilled(rows: Rows, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a teacher"):
        distil(load_classifier(tiny_model), context_of(rows, tmp_path), Distillation(), "x")
