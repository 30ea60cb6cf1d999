"""What is refused before a model is trained or scored, and what the message tells the user to do."""

import json
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import BertConfig, RobertaConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.checks import (
    by_number,
    check_head,
    check_lengths,
    check_positions,
    check_types,
    check_vocabulary_fits,
)
from tests.support.tokenizers import wordpiece

TEXTS, TOKENS = ["BertForSequenceClassification"], ["BertForTokenClassification"]
TEACHER = "teacher.model 'my-bert'"
NOT_FINE_TUNED = r"^teacher\.model 'my-bert' is not fine-tuned: it has no classification head; .* teacher\.epochs = 3"


def named(labels: list[str], architectures: list[str] | None = TEXTS) -> BertConfig:
    return BertConfig(id2label=dict(enumerate(labels)), architectures=architectures)


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


def test_labels_without_a_name_are_numbers() -> None:
    config = named(["a", "b"])
    config.id2label = {1: "a", 2: "b"}  # counted from 1
    with pytest.raises(BadInput, match=r"the model's labels are 0, a, the data's a, b; rename one side"):
        check_head(config, ["a", "b"], False, TEACHER)


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


def test_an_empty_line_of_a_vocabulary_needs_no_row() -> None:
    described = json.loads(wordpiece().to_str())
    size = len(described["model"]["vocab"])
    described["model"]["vocab"][""] = size
    check_vocabulary_fits(Tokenizer.from_str(json.dumps(described)), BertConfig(vocab_size=size), "it")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("multi_label_classification", "any number of labels at once"),
        ("regression", "a number"),
        ("multilabel", "something that is not known"),
        (["regression"], "something that is not known"),
    ],
)
def test_a_head_that_does_not_choose_one_label_is_refused(kind: object, what: str) -> None:
    config = named(["neg", "pos"])
    config.problem_type = kind
    said = f"problem_type in config.json is {kind}: its head predicts {what}; expected: one of several labels"
    with pytest.raises(BadInput, match=re.escape(said)):
        check_head(config, ["neg", "pos"], False, TEACHER)
    config.problem_type = "single_label_classification"  # what the message proposes
    check_head(config, ["neg", "pos"], False, TEACHER)


def test_numbers_in_the_data_are_the_models_own() -> None:
    """With names in the model this is said; an order that task.labels gives is taken as well."""
    check_head(named(["negative", "positive"]), ["0", "1"], False, TEACHER)
    said = "the labels of the data are taken as the model's own numbers: 0 is negative, 1 is positive"
    assert by_number(named(["negative", "positive"]), ["0", "1"]) == said
    assert (by_number(named(["negative", "positive"]), ["1", "0"]) or "").endswith("1 is negative, 0 is positive")
    for own, labels in ((["a", "b"], ["1", "2"]), (["0", "1"], ["0", "1"]), (["LABEL_0", "LABEL_1"], ["0", "1"])):
        assert by_number(named(own), labels) is None
    with pytest.raises(BadInput, match=r"their order differs, so add labels = "):
        check_head(named(["1", "0"]), ["0", "1"], False, TEACHER)
    with pytest.raises(BadInput, match=r"rename one side"):
        check_head(named(["negative", "positive"]), ["1", "2"], False, TEACHER)


def test_texts_may_be_as_long_as_the_position_embeddings() -> None:
    check_positions(BertConfig(max_position_embeddings=64), 64, "it")
    with pytest.raises(BadInput, match=r"has 64 positions, task\.max_length is 65; allowed: up to 64"):
        check_positions(BertConfig(max_position_embeddings=64), 65, "it")
    with pytest.raises(BadInput, match="has 62 positions"):  # 0 and 1 are not used
        check_positions(RobertaConfig(max_position_embeddings=64, pad_token_id=1), 63, "it")


def test_no_length_of_a_file_is_beyond_the_positions() -> None:
    config = BertConfig(max_position_embeddings=64)
    check_lengths(config, (), "it")
    check_lengths(config, (32, 64), "it")
    said = r"^it: lengths = \[32, 65\]: the model has 64 positions; shorten the last one$"
    with pytest.raises(BadInput, match=said):
        check_lengths(config, (32, 65), "it")


def test_pairs_with_token_types_need_two_types() -> None:
    check_types(True, BertConfig(type_vocab_size=2), "it")
    check_types(False, BertConfig(type_vocab_size=1), "it")
    with pytest.raises(BadInput, match="has one token type, its tokenizer gives pairs two; use a model with two"):
        check_types(True, BertConfig(type_vocab_size=1), "it")
