"""Three kinds of tokenizers, cut down: what is kept is cut as before, and every id is renumbered."""

import json
from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, models

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pruning.vocabulary import (
    characters_of,
    common_characters,
    needed_ids,
    pieces_of,
    shrink,
    special_ids,
)
from tests.support.tokenizers import TEXTS, unigram, wordpiece


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
    with pytest.raises(BadInput, match="a BPE model; allowed: WordPiece"):
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


def test_sets_of_characters() -> None:
    level_2, big5 = characters_of("gb2312-2"), characters_of("big5")
    assert (len(level_2), len(big5)) == (3008, 13053)
    assert "亍" in level_2 and "的" not in level_2
    assert {"間", "務", "囍"} <= big5 and not {"间", "务"} & big5
