"""Three kinds of tokenizers, cut down: what is kept is cut as before, and every id is renumbered."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from compress.errors import BadInput
from compress.vocabulary import (
    common_characters,
    difference,
    needed_ids,
    pieces_of,
    same_vocabulary,
    shrink,
    special_ids,
)

TEXTS = ["好书推荐", "服务 abc 差", "电脑屏幕坏"]


def wordpiece() -> Tokenizer:
    """As bert-base-chinese: characters, ``##`` characters, some English, special tokens in the middle."""
    characters = "好书推荐服务差电脑屏幕坏未见过"
    tokens = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", *characters, "ab", "##x", "a", "##b", "##bd", "##c", "z"]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer


def save_wordpiece(folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=wordpiece(), pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)


def unigram() -> Tokenizer:
    """As XLM-R's: pieces of several characters beside single ones."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(c, -5.0) for c in "好书推荐服务差电脑屏幕坏未见过abcx"]
    pieces += [("服务", -4.0), ("电脑屏", -9.0), ("屏幕", -4.0), ("推荐", -3.0), ("▁好书", -3.0), ("未见", -2.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


@pytest.mark.parametrize("make", [wordpiece, unigram])
def test_texts_are_cut_as_before(make: Callable[[], Tokenizer]) -> None:
    whole = make()
    small, back = shrink(whole, needed_ids(whole, TEXTS, special_ids(whole)))
    assert small.get_vocab_size() < whole.get_vocab_size()
    for text in TEXTS:
        before, after = whole.encode(text), small.encode(text)
        assert after.tokens == before.tokens
        assert [back[number] for number in after.ids] == before.ids
    assert "未见" not in small.get_vocab()
    assert sorted(small.get_vocab().values()) == list(range(len(back))), "ids have gaps"
    assert [whole.id_to_token(old) for old in back] == [small.id_to_token(new) for new in range(len(back))]


def test_a_piece_that_is_matched_and_given_up_is_kept() -> None:
    """``abd`` is unknown with ``ab`` in the vocabulary (no ``##d`` follows it) and ``a ##bd`` without."""
    whole = wordpiece()
    texts = ["abd", "a", "zbd"]
    assert whole.encode("abd").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    used = {number for text in texts for number in whole.encode(text).ids}
    naive, _ = shrink(whole, special_ids(whole) | used)
    assert naive.encode("abd").tokens == ["[CLS]", "a", "##bd", "[SEP]"], "the test proves nothing"
    small, _ = shrink(whole, needed_ids(whole, texts, special_ids(whole)))
    assert small.encode("abd").tokens == ["[CLS]", "[UNK]", "[SEP]"]


def test_what_cannot_be_taken_apart_is_refused() -> None:
    with pytest.raises(BadInput, match="a BPE model; legal: WordPiece"):
        pieces_of(Tokenizer(models.BPE()))


def test_common_characters_are_gb_2312_level_1() -> None:
    characters = common_characters()
    assert len([c for c in characters if "\u4e00" <= c <= "\u9fff"]) == 3755
    assert {"啊", "座", "的", "，", "。", "A", "7"} <= characters
    assert "亍" not in characters, "level 2"


def test_nothing_outside_the_vocabulary_is_touched() -> None:
    whole = wordpiece()
    small, _ = shrink(whole, range(whole.get_vocab_size()))
    assert json.loads(small.to_str()) == json.loads(whole.to_str())


def test_vocabularies_are_compared_by_their_ids() -> None:
    whole = wordpiece()
    assert same_vocabulary(whole, wordpiece())
    small, back = shrink(whole, [number for number in range(whole.get_vocab_size()) if number != 1])
    assert not same_vocabulary(whole, small)
    count = whole.get_vocab_size()
    assert len(back) == count - 1
    assert difference(small, whole) == (
        f"{count - 1} tokens, the teacher's {count}; {count - 1} in common, {count - 2} of them under other ids"
    )
    whole.add_tokens(["新"])
    assert not same_vocabulary(whole, wordpiece()), "an added token was not seen"
