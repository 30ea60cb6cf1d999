from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.vocabulary import shrink
from pocketbert.compress.stages import stage_module
from pocketbert.compress.stages.distill import Parameters, run
from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.tasks.tokenizer import load_tokenizer
from pocketbert.compress.training.context import Context
from tests.support.models import context_of, write_tiny_model
from tests.support.tokenizers import save_wordpiece

COLUMNS = {"text": ["好书店", "差"], "label": [1, 0]}


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[Context]:
    """The contexts that students were to be trained in; nothing is trained."""
    found: list[Context] = []
    monkeypatch.setattr("pocketbert.compress.stages.distill.distil", lambda student, context, *_: found.append(context))
    return found


@pytest.fixture
def context(tmp_path: Path, tiny_model: Path) -> Context:
    task = open_task("classification", ["neg", "pos"], 16)
    inputs = task.encode(load_tokenizer(tiny_model / "tokenizer.json"), COLUMNS)
    rows = Rows(inputs, COLUMNS["label"], COLUMNS)
    return context_of(rows, tmp_path, tokenizer=tiny_model, new_tokenizer=tmp_path / "new")


def parameters(init: Path | None = None, **more: Any) -> Parameters:
    student: dict[str, Any] = {"layers": 2} if init is None else {"init": str(init)}
    return Parameters.model_validate({"student": student, **more})


def test_a_student_with_the_same_vocabulary_keeps_the_tokenizer(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    model = load_classifier(tiny_model)
    assert run(model, context, parameters()).config.num_hidden_layers == 2
    other = write_tiny_model(tmp_path / "other", num_hidden_layers=1)
    assert run(model, context, parameters(other)).config.num_hidden_layers == 1
    assert not context.new_tokenizer.exists()
    assert taught == [context, context]


def test_a_student_with_another_vocabulary_reads_the_same_texts_in_its_own_tokens(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    """The classic mistake: ids of one vocabulary fed to a student of another."""
    other = write_tiny_model(tmp_path / "other")
    save_wordpiece(other)
    given = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    parameters(other).check_tokenizer(given, given, token_level=False)
    run(load_classifier(tiny_model), context, parameters(other))
    [own] = taught
    tokenizer = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json"))
    assert own.train.inputs.sequences == [tokenizer.encode(text).ids for text in COLUMNS["text"]]
    assert own.train.inputs.sequences != context.train.inputs.sequences
    assert own.train.inputs.padding == tokenizer.token_to_id("[PAD]")
    assert "reads the same texts in tokens of its own, 27 of them" in own.remarks[0]


@pytest.mark.parametrize(
    ("token_level", "more", "because"),
    [
        (True, {}, "tagging compares student and teacher token by token"),
        (False, {"preset": "minilm"}, "preset and align compare student and teacher token by token"),
    ],
)
def test_what_is_learnt_token_by_token_wants_one_vocabulary(
    context: Context, tiny_model: Path, tmp_path: Path, token_level: bool, more: dict[str, Any], because: str
) -> None:
    other = write_tiny_model(tmp_path / "other")
    save_wordpiece(other)
    given = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    said = "has another tokenizer: 27 tokens, the teacher's 30; 14 in common, 13 of them under other ids"
    with pytest.raises(BadInput, match=said) as refused:
        parameters(other, **more).check_tokenizer(given, given, token_level)
    assert because in str(refused.value)


def test_what_follows_a_student_of_another_vocabulary_learns_from_whole_texts(tiny_model: Path, tmp_path: Path) -> None:
    """Its tokenizer is what such a student leaves; neither a recovery nor another student aligns with the teacher."""
    save_wordpiece(tmp_path)
    left, teacher = (Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (tmp_path, tiny_model))
    again = Parameters.model_validate({"student": {"init": "current"}})
    again.check_tokenizer(left, teacher, token_level=False)
    with pytest.raises(BadInput, match="'current' has another tokenizer: 27 tokens"):
        again.model_copy(update={"preset": "minilm"}).check_tokenizer(left, teacher, token_level=False)
    cut = stage_module("prune-ffn").Parameters(ratio=0.5, recover={"preset": "minilm"})
    with pytest.raises(BadInput, match="prune-ffn: recover: the model before it has another tokenizer"):
        cut.check_tokenizer(left, teacher, token_level=False)
    cut.check_tokenizer(teacher, teacher, token_level=False)


def test_a_student_that_cuts_as_the_teacher_does_may_follow_a_smaller_vocabulary(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "other", num_hidden_layers=1)
    whole = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    wanted = parameters(other, preset="minilm")
    wanted.check_tokenizer(whole, whole, token_level=True)
    small, _ = shrink(whole, {number for number in range(whole.get_vocab_size()) if number != 7})
    (tmp_path / "small").mkdir()
    small.save(str(tmp_path / "small/tokenizer.json"))
    assert run(load_classifier(tiny_model), replace(context, tokenizer=tmp_path / "small"), wanted)
    [own] = taught
    assert own.train.inputs.sequences == [whole.encode(text).ids for text in COLUMNS["text"]]


def test_too_few_positions_are_refused(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "other", max_position_embeddings=12)
    with pytest.raises(BadInput, match=r"has 12 positions, task\.max_length is 16; allowed: up to 12"):
        run(load_classifier(tiny_model), context, parameters(other))
    short = replace(context, task=open_task("classification", ["neg", "pos"], 8))
    run(load_classifier(tiny_model), short, parameters(other))
    assert len(taught) == 1


def test_what_a_static_student_cannot_learn(tiny_model: Path) -> None:
    given = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    static = Parameters.model_validate({"student": {"architecture": "static"}})
    with pytest.raises(BadInput, match="predicts one label per text, and tagging needs one per word"):
        static.check_tokenizer(given, given, token_level=True)
    static.check_tokenizer(given, given, token_level=False)
    with pytest.raises(BadInput, match="has no layers to align"):
        static.model_copy(update={"preset": "minilm"}).check(load_classifier(tiny_model).config)


def test_a_static_student_of_pairs_needs_a_token_between_them(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    model, static = load_classifier(tiny_model), Parameters.model_validate({"student": {"architecture": "static"}})
    assert run(model, context, static).config.sep_token_id is None, "single texts"
    pairs = replace(context, task=open_task("matching", ["neg", "pos"], 16))
    with pytest.raises(BadInput, match="the tokenizer puts no token between them"):
        run(model, pairs, static)
    save_wordpiece(tmp_path / "separated")
    separated = replace(pairs, tokenizer=tmp_path / "separated")
    assert run(model, separated, static).config.sep_token_id == 4


def test_pairs_want_a_student_of_two_token_types(
    context: Context, taught: list[Context], tiny_model: Path, tmp_path: Path
) -> None:
    one = write_tiny_model(tmp_path / "one", type_vocab_size=1)
    inputs = replace(context.train.inputs, types=[[0] * len(ids) for ids in context.train.inputs.sequences])
    pairs = replace(context, train=replace(context.train, inputs=inputs))
    with pytest.raises(BadInput, match="has one token type, its tokenizer gives pairs two"):
        run(load_classifier(tiny_model), pairs, parameters(one))
    assert not taught
