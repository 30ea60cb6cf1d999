"""The smaller vocabulary says what the larger one said, in every family, whatever the ids."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.modeling_uneven import load_classifier
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
    assert "of 3 training texts all are cut as before" in said
    share = "25.000%" if "<pad>" in before.get_vocab() else "50.000%"  # of "▁ 好 ▁ 亍", or of "好 亍"
    assert f"{share}, before {share}" in said


def test_a_token_that_is_not_there_is_named(any_model: Path, context: Context) -> None:
    with pytest.raises(BadInput, match="has no token '龘'"):
        run(load_classifier(any_model), context, Parameters(tokens=("好", "龘")))
