"""What is refused before a model is trained or scored, and what the message tells the user to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, RobertaConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.checks import (
    check_head,
    check_positions,
    check_types,
    check_vocabulary_fits,
    check_weights,
)
from tests.support.tokenizers import wordpiece

TEXTS, TOKENS = ["BertForSequenceClassification"], ["BertForTokenClassification"]
TEACHER = "teacher.model 'my-bert'"
NOT_FINE_TUNED = r"^teacher\.model 'my-bert' is not fine-tuned: it has no classification head; .* teacher\.epochs = 3"


def named(labels: list[str], architectures: list[str] | None = TEXTS) -> BertConfig:
    return BertConfig(id2label=dict(enumerate(labels)), architectures=architectures)


def tiny_bert() -> BertForSequenceClassification:
    return BertForSequenceClassification(
        BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    )


def loaded(missing: list[str], mismatched: tuple[str, ...] = ()) -> dict[str, Any]:
    """transformers' own report of a load."""
    return {"missing_keys": missing, "mismatched_keys": [(name, (2, 2), (3, 3)) for name in mismatched]}


@pytest.mark.parametrize("architectures", [TEXTS, None])
def test_the_datas_labels_in_their_order_are_accepted(architectures: list[str] | None) -> None:
    check_head(named(["neg", "pos"], architectures), ["neg", "pos"], False, TEACHER)
    check_head(BertConfig(num_labels=2), ["neg", "pos"], False, TEACHER)  # LABEL_0, LABEL_1
    check_head(named(["O", "B-PER"], TOKENS), ["O", "B-PER"], True, TEACHER)


def test_labels_in_another_order_say_what_to_add_to_the_recipe() -> None:
    with pytest.raises(BadInput) as refused:
        check_head(named(["pos", "neg"]), ["neg", "pos"], False, TEACHER)
    assert str(refused.value) == (
        "teacher.model 'my-bert': the model's labels are pos, neg, the data's neg, pos; their order differs, so add "
        'labels = ["pos", "neg"] to [task]'
    )


def test_other_names_say_which_file_to_edit(tmp_path: Path) -> None:
    named(["消极", "积极"]).save_pretrained(tmp_path)
    config = BertConfig.from_pretrained(tmp_path)
    config._name_or_path = str(tmp_path)  # as AutoConfig leaves it
    with pytest.raises(BadInput) as refused:
        check_head(config, ["neg", "pos"], False, TEACHER)
    assert str(refused.value) == (
        "teacher.model 'my-bert': the model's labels are 消极, 积极, the data's neg, pos; rename one side: the labels "
        f'in the data, or id2label in {tmp_path / "config.json"}, which is {{"0": "neg", "1": "pos"}} if 消极 means '
        "neg and so on"
    )
    edited = json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) | {"id2label": {"0": "neg", "1": "pos"}}
    (tmp_path / "config.json").write_text(json.dumps(edited), encoding="utf-8")
    check_head(BertConfig.from_pretrained(tmp_path), ["neg", "pos"], False, TEACHER)


def test_other_names_of_a_model_from_the_hub_name_no_local_file() -> None:
    with pytest.raises(BadInput, match=r"or id2label in the model's config\.json, which is"):
        check_head(named(["a", "b"]), ["neg", "pos"], False, TEACHER)


def test_another_number_of_labels_is_refused() -> None:
    with pytest.raises(BadInput, match="predicts 2 labels, the data has 3: a, b, c; use a model fine-tuned on these"):
        check_head(named(["a", "b"]), ["a", "b", "c"], False, TEACHER)


@pytest.mark.parametrize(("architectures", "token_level"), [(TEXTS, True), (TOKENS, False)])
def test_a_head_of_the_other_kind_is_refused(architectures: list[str], token_level: bool) -> None:
    needs = "every token" if token_level else "texts"
    with pytest.raises(BadInput, match=rf"\({architectures[0]}\), the task needs a model that classifies {needs}$"):
        check_head(named(["a", "b"], architectures), ["a", "b"], token_level, TEACHER)


@pytest.mark.parametrize("token_level", [False, True])
@pytest.mark.parametrize("architecture", ["BertForMaskedLM", "BertForPreTraining", "BertModel"])
def test_a_pretrained_model_is_said_to_be_not_fine_tuned(architecture: str, token_level: bool) -> None:
    """Whatever the number of labels: a configuration without labels counts 2."""
    for labels in (["a", "b"], ["a", "b", "c"]):
        with pytest.raises(BadInput, match=NOT_FINE_TUNED):
            check_head(BertConfig(architectures=[architecture]), labels, token_level, TEACHER)


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


def test_a_fine_tuned_bert_needs_its_pooler() -> None:
    with pytest.raises(BadInput, match=r"has no weights for bert\.pooler"):
        check_weights(tiny_bert(), loaded(["bert.pooler.dense.weight"]), TEACHER, new_head=False)


def test_every_id_that_a_text_may_get_has_a_row() -> None:
    tokenizer: Tokenizer = wordpiece()
    size = tokenizer.get_vocab_size()
    check_vocabulary_fits(tokenizer, BertConfig(vocab_size=size), "it")
    with pytest.raises(BadInput, match=f"its tokenizer has ids up to {size - 1}, its embedding matrix has {size - 1} "):
        check_vocabulary_fits(tokenizer, BertConfig(vocab_size=size - 1), "it")
    tokenizer.add_special_tokens(["[MASK]"])  # as transformers does for a vocabulary without one
    check_vocabulary_fits(tokenizer, BertConfig(vocab_size=size), "it")
    tokenizer.add_tokens(["新"])  # no special token: a text may contain it
    with pytest.raises(BadInput, match=f"has ids up to {size + 1}"):
        check_vocabulary_fits(tokenizer, BertConfig(vocab_size=size), "it")


def test_texts_may_be_as_long_as_the_position_embeddings() -> None:
    check_positions(BertConfig(max_position_embeddings=64), 64, "it")
    with pytest.raises(BadInput, match=r"has 64 positions, task\.max_length is 65; allowed: up to 64"):
        check_positions(BertConfig(max_position_embeddings=64), 65, "it")
    with pytest.raises(BadInput, match="has 62 positions"):  # 0 and 1 are not used
        check_positions(RobertaConfig(max_position_embeddings=64, pad_token_id=1), 63, "it")


def test_pairs_with_token_types_need_two_types() -> None:
    check_types(True, BertConfig(type_vocab_size=2), "it")
    check_types(False, BertConfig(type_vocab_size=1), "it")
    with pytest.raises(BadInput, match="has one token type, its tokenizer gives pairs two; use a model with two"):
        check_types(True, BertConfig(type_vocab_size=1), "it")
