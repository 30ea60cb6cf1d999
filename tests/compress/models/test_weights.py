"""Weights that are missing, that the class does not take, or that are not finite are refused by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification, BertModel

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import load_classifier, load_teacher, open_pretrained
from pocketbert.compress.models.weights import check_weights
from tests.support.models import write_tiny_model

TEACHER = "teacher.model 'my-bert'"
NOT_FINE_TUNED = r"^teacher\.model 'my-bert' is not fine-tuned: it has no classification head; .* teacher\.epochs = 3"
LAYER = "bert.encoder.layer.0"


def tiny_bert() -> BertForSequenceClassification:
    return BertForSequenceClassification(
        BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    )


def loaded(missing: list[str], mismatched: tuple[str, ...] = (), unexpected: tuple[str, ...] = ()) -> dict[str, Any]:
    """transformers' own report of a load."""
    shapes = [(name, (2, 2), (3, 3)) for name in mismatched]
    return {"missing_keys": missing, "mismatched_keys": shapes, "unexpected_keys": unexpected}


def test_a_missing_head_is_refused_unless_the_head_is_new() -> None:
    head = loaded(["classifier.bias", "classifier.weight", "bert.pooler.dense.weight"])
    check_weights(tiny_bert(), head, TEACHER, new_head=True)
    with pytest.raises(BadInput, match=NOT_FINE_TUNED):
        check_weights(tiny_bert(), head, TEACHER, new_head=False)


@pytest.mark.parametrize("new_head", [False, True])
def test_an_incomplete_encoder_is_refused(new_head: bool) -> None:
    query = "bert.encoder.layer.0.attention.self.query.weight"
    for report in (loaded([query]), loaded([], (query,))):
        with pytest.raises(BadInput, match=f"has no weights for {query}, or .* a complete checkpoint of a bert model"):
            check_weights(tiny_bert(), report, TEACHER, new_head)


def test_a_head_of_another_shape_is_not_said_to_be_missing() -> None:
    shape = loaded([], ("classifier.weight",))
    with pytest.raises(BadInput, match=r"has no weights for classifier\.weight, or their shape is another than config"):
        check_weights(tiny_bert(), shape, TEACHER, new_head=False)
    check_weights(tiny_bert(), shape, TEACHER, new_head=True)


def test_a_fine_tuned_bert_needs_its_pooler() -> None:
    with pytest.raises(BadInput, match=r"has no weights for bert\.pooler"):
        check_weights(tiny_bert(), loaded(["bert.pooler.dense.weight"]), TEACHER, new_head=False)


@pytest.mark.parametrize("new_head", [False, True])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{LAYER}.attention.self.distance_embedding.weight", r"relative positions\), .*; use a model with absolute"),
        (f"{LAYER}.attention.self.query.lora_A.default.weight", r"LoRA\), .*; merge them into the base weights"),
        ("encoder.layer.0.output.adapter.down.weight", r"adapters\), .*; use a model without adapters"),
        ("crf.transitions", r"a CRF\), .*; use a model without a CRF"),
        ("bert.encoder.layer.1.output.dense.bias", r"a layer more than the 1 in config.json\), .* num_hidden_layers"),
        ("bert.embeddings.task_type_embeddings.weight", r"ERNIE's task types\), .* set model_type to \"ernie\""),
        ("classifier2.weight", r"a second head, or a part that was added\), .*; use a plain bert classifier$"),
        ("bert.encoder.layer.0.gate", r"a second head, or a part that was added\)"),
    ],
)
def test_weights_that_the_class_does_not_take_are_named(name: str, said: str, new_head: bool) -> None:
    head = ["classifier.bias", "classifier.weight"] if new_head else []
    with pytest.raises(BadInput, match=rf"has no place for 1 of its weights, such as {name} \({said}"):
        check_weights(tiny_bert(), loaded(head, unexpected=(name,)), TEACHER, new_head)


def test_what_changes_no_answer_is_allowed() -> None:
    """Heads of pretraining, an old head where a new one is made, buffers, and the pooler of a tagger."""
    config = tiny_bert().config
    harmless = ("cls.predictions.bias", "bert.embeddings.position_ids", "norm.num_batches_tracked", "fit_denses.0.bias")
    check_weights(tiny_bert(), loaded([], unexpected=harmless), TEACHER, new_head=False)
    check_weights(tiny_bert(), loaded([], unexpected=("classifier.dense.bias",)), TEACHER, new_head=True)
    with pytest.raises(BadInput, match=r"a second head"):
        check_weights(tiny_bert(), loaded([], unexpected=("classifier.dense.bias",)), TEACHER, new_head=False)
    pooler = loaded([], unexpected=("bert.pooler.dense.bias", "pooler.dense.weight"))
    check_weights(BertForTokenClassification(config), pooler, TEACHER, new_head=False)
    with pytest.raises(BadInput, match=r"a second head"):
        check_weights(tiny_bert(), loaded([], unexpected=("pooler.dense2.weight",)), TEACHER, new_head=False)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_counted(wrong: float) -> None:
    model = tiny_bert()
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[3, :2] = wrong
    said = (
        r"^teacher.model 'my-bert': 2 of the 64 numbers in bert.embeddings.word_embeddings.weight are NaN or infinite"
    )
    with pytest.raises(BadInput, match=said):
        check_weights(model, loaded([]), TEACHER, new_head=False)
    torch.nn.init.constant_(model.bert.embeddings.word_embeddings.weight, 0.0)
    check_weights(model, loaded([]), TEACHER, new_head=False)


def test_every_door_looks_at_the_weights(tmp_path: Path) -> None:
    """Evaluation and stages, a teacher that is trained or not, and a pretrained student."""
    folder = str(write_tiny_model(tmp_path / "more"))
    file = tmp_path / "more/model.safetensors"
    whole = load_file(file)
    doors = (
        lambda: load_classifier(Path(folder)),
        lambda: load_teacher(folder, ["a", "b"], tmp_path),
        lambda: load_teacher(folder, ["a", "b"], tmp_path, tuned=True),
        lambda: open_pretrained(folder, "distill: student.init", ["a", "b"], token_level=True),
    )
    for spoilt, said in (
        (whole | {f"{LAYER}.attention.self.distance_embedding.weight": torch.ones(127, 8)}, "relative positions"),
        (whole | {"bert.encoder.layer.4.output.dense.bias": torch.ones(32)}, "a layer more than the 4 in config.json"),
        (whole | {f"{LAYER}.output.dense.bias": torch.full((32,), float("nan"))}, "32 of the 32 numbers in"),
        (whole | {f"{LAYER}.output.dense.bias": torch.ones(31)}, "or their shape is another than config.json says"),
    ):
        save_file(spoilt, file, {"format": "pt"})
        for door in doors:
            with pytest.raises(BadInput, match=said):
                door()
    save_file(whole, file, {"format": "pt"})
    for door in doors:
        door()


def test_layers_above_those_in_use_are_seen_in_an_encoder_without_prefix(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_tiny_model(tmp_path / "bare", num_hidden_layers=3)
    config = (folder / "config.json").read_bytes()
    BertModel.from_pretrained(tiny_model).save_pretrained(folder)
    (folder / "config.json").write_bytes(config)
    with pytest.raises(BadInput, match=r"such as encoder\.layer\.3\..* \(a layer more than the 3 in config\.json\)"):
        load_teacher(str(folder), ["a", "b"], tmp_path)
