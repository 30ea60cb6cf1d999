"""The smaller vocabulary says what the larger one said, in every family, whatever the ids."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.stages.prune_vocab import Parameters, run
from pocketbert.compress.tasks.inputs import Inputs
from pocketbert.compress.tasks.rows import Rows
from pocketbert.compress.training.context import Context
from tests.support.models import context_of
from tests.support.tokenizers import TEXTS, unigram, wordpiece

SPECIAL = {
    "unigram": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
    "wordpiece": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
}


@pytest.fixture(params=SPECIAL)
def context(request: pytest.FixtureRequest, tmp_path: Path) -> Context:
    whole = {"unigram": unigram, "wordpiece": wordpiece}[request.param]()
    whole.no_padding()
    special: Any = SPECIAL[request.param]
    PreTrainedTokenizerFast(tokenizer_object=whole, **special).save_pretrained(tmp_path / "old")
    rows, unseen = (Rows(Inputs([], 0), [], {"text": texts}) for texts in (TEXTS, ["好", "亍"]))
    found = context_of(rows, tmp_path, tokenizer=tmp_path / "old", new_tokenizer=tmp_path / "new")
    return replace(found, validation=unseen)


def logits(model: torch.nn.Module, tokenizer: Tokenizer) -> torch.Tensor:
    with torch.no_grad():
        said = [model(input_ids=torch.tensor([tokenizer.encode(text).ids])).logits for text in TEXTS]
    return torch.cat([logits.flatten() for logits in said])


def test_no_logit_of_a_training_text_changes(any_model: Path, context: Context) -> None:
    model = load_classifier(any_model).eval()
    small = run(model, context, Parameters())
    before = Tokenizer.from_file(str(context.tokenizer / "tokenizer.json"))
    after = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json"))
    assert (logits(small, after) - logits(model, before)).abs().max() < 1e-6
    rows = small.get_input_embeddings().weight.shape[0]
    assert rows == small.config.vocab_size == after.get_vocab_size() < before.get_vocab_size()
    pad = "<pad>" if "<pad>" in before.get_vocab() else "[PAD]"
    if model.config.pad_token_id == before.token_to_id(pad):
        assert small.config.pad_token_id == after.token_to_id(pad)
    [said] = context.remarks
    assert "of 3 training texts all are tokenized as before" in said
    share = "25.000 %" if "<pad>" in before.get_vocab() else "50.000 %"  # of "▁ 好 ▁ 亍", or of "好 亍"
    assert f"{share}, before {share}" in said


def test_a_token_that_is_not_there_is_named(any_model: Path, context: Context) -> None:
    with pytest.raises(BadInput, match="has no token '龘'"):
        run(load_classifier(any_model), context, Parameters(tokens=("好", "龘")))


def kept_characters(context: Context, any_model: Path, *keep: str) -> set[str]:
    run(load_classifier(any_model), context, Parameters(keep=keep))
    vocabulary = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json")).get_vocab()
    return {piece.removeprefix("##").lstrip("▁") for piece in vocabulary}


def test_more_is_kept_by_request(any_model: Path, context: Context, tmp_path: Path) -> None:
    longer = {"未见", "bd"}  # a piece of the unigram tokenizer, and one of WordPiece
    assert not longer & kept_characters(context, any_model)
    (tmp_path / "users.txt").write_text("没有\n未见 zbd\n", encoding="utf-8")
    assert longer & kept_characters(context, any_model, "gb2312-2", str(tmp_path / "users.txt"))
    parameters = Parameters(keep=("big5", str(tmp_path / "users.txt")))
    assert parameters.external_source() == str(tmp_path / "users.txt"), "its content is part of the cache key"
    assert {"間", "囍"} <= parameters.characters_to_keep()


def test_wrong_things_to_keep(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"keep: 'gb2312-3' is neither a set of characters \(gb2312-1, gb2312-2, big5\)"):
        Parameters(keep=("gb2312-3",)).lines_to_keep()
    with pytest.raises(BadInput, match="keep: names the files a and b; expected: gb2312-1, gb2312-2, big5, and one"):
        Parameters(keep=("a", "big5", "b")).lines_to_keep()
    (tmp_path / "gbk.txt").write_bytes("间务净电网热".encode("gbk"))
    with pytest.raises(BadInput, match="is not UTF-8, probably GBK"):
        Parameters(keep=(str(tmp_path / "gbk.txt"),)).lines_to_keep()
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(BadInput, match="has 1,099,511,627,776 bytes; allowed: "):
        Parameters(keep=(str(tmp_path / "sparse.txt"),)).lines_to_keep()


def test_unknown_tokens_of_rows_without_label_are_told(any_model: Path, context: Context) -> None:
    """The tokens of these rows are not kept if the recipe lists its own."""
    rows = Rows(Inputs([], 0), [0, 1, -100], {"text": ["好", "好", "未见"]})
    labelled = Rows(Inputs([], 0), [0, 1], {"text": ["好", "好"]})
    run(load_classifier(any_model), replace(context, train=rows, labelled=labelled), Parameters(tokens=("好",)))
    [said] = context.remarks
    assert re.search(r"; (50|100)\.000 %, before 0\.000 %, in the unlabelled texts$", said)
    everything = replace(context, train=labelled, labelled=labelled, remarks=[])
    run(load_classifier(any_model), everything, Parameters(tokens=("好",)))
    assert "unlabelled" not in everything.remarks[0]


def test_a_special_token_without_a_row_gets_one(tiny_model: Path, tmp_path: Path) -> None:
    """BertTokenizer adds a [MASK] to a vocabulary without one, beyond the embedding matrix."""
    model, whole = load_classifier(tiny_model), wordpiece()
    whole.no_padding()
    model.resize_token_embeddings(whole.get_vocab_size())
    whole.add_special_tokens(["[MASK]"])
    special: Any = SPECIAL["wordpiece"] | {"mask_token": "[MASK]"}
    PreTrainedTokenizerFast(tokenizer_object=whole, **special).save_pretrained(tmp_path / "old")
    rows = Rows(Inputs([], 0), [], {"text": TEXTS})
    context = context_of(rows, tmp_path, tokenizer=tmp_path / "old", new_tokenizer=tmp_path / "new")
    small = run(model, context, Parameters())
    after = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json"))
    assert small.get_input_embeddings().weight.shape[0] == after.get_vocab_size()
    assert (logits(small, after) - logits(model, whole)).abs().max() < 1e-6


def test_a_class_that_puts_a_blank_before_each_word_is_not_kept(tiny_model: Path, tmp_path: Path) -> None:
    """As XLM-R's in tagging: but for the blanks, its class reads the file unchanged."""
    described = json.loads(unigram().to_str())
    next(piece for piece in described["model"]["vocab"] if piece[0] == "x")[0] = "<mask>"  # which the class adds
    whole = Tokenizer.from_str(json.dumps(described))
    whole.no_padding()
    whole.add_special_tokens(["<mask>"])
    blanks = pre_tokenizers.Metaspace(prepend_scheme="never")
    whole.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), blanks])
    whole.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    special: Any = SPECIAL["unigram"] | {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    PreTrainedTokenizerFast(tokenizer_object=whole, **special).save_pretrained(tmp_path / "old")
    file = tmp_path / "old/tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"tokenizer_class": "XLMRobertaTokenizer"}))
    rows = Rows(Inputs([], 0), [], {"text": TEXTS})
    context = context_of(rows, tmp_path, tokenizer=tmp_path / "old", new_tokenizer=tmp_path / "new")
    run(load_classifier(tiny_model), context, Parameters())
    loaded = AutoTokenizer.from_pretrained(context.new_tokenizer).backend_tokenizer
    expected = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json"))
    assert [loaded.encode(text).tokens for text in TEXTS] == [expected.encode(text).tokens for text in TEXTS]


@pytest.mark.parametrize(("lower", "kept"), [(False, "BertTokenizer"), (True, "TokenizersBackend")])
def test_the_tokenizer_keeps_its_class_if_that_class_reads_it_unchanged(
    lower: bool, kept: str, tiny_model: Path, tmp_path: Path
) -> None:
    """The class lower-cases as tokenizer_config.json says; a tokenizer.json that does not is another tokenizer."""
    whole = Tokenizer.from_str(wordpiece().to_str().replace("[unused1]", "[MASK]"))  # a token that the class adds
    whole.no_padding()
    whole.add_special_tokens(["[MASK]"])
    whole.normalizer = normalizers.BertNormalizer(lowercase=False)
    rows = Rows(Inputs([], 0), [], {"text": TEXTS})
    context = context_of(rows, tmp_path, tokenizer=tmp_path / "old", new_tokenizer=tmp_path / "new")
    special: Any = SPECIAL["wordpiece"]
    PreTrainedTokenizerFast(tokenizer_object=whole, **special).save_pretrained(context.tokenizer)
    file = context.tokenizer / "tokenizer_config.json"
    settings = json.loads(file.read_text()) | {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}
    file.write_text(json.dumps(settings))
    run(load_classifier(tiny_model), context, Parameters())
    written = json.loads((context.new_tokenizer / file.name).read_text())
    assert (written["tokenizer_class"], written.get("do_lower_case")) == (kept, None if lower else False)
    loaded = AutoTokenizer.from_pretrained(context.new_tokenizer).backend_tokenizer
    expected = Tokenizer.from_file(str(context.new_tokenizer / "tokenizer.json"))
    assert [loaded.encode(text).ids for text in TEXTS] == [expected.encode(text).ids for text in TEXTS]
