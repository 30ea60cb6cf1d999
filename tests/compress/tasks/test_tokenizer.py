"""Tokenizers are opened, asked and compared without transformers."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.tokenizer import (
    difference,
    encode_texts,
    load_tokenizer,
    one_piece_per_character,
    pad_id,
    read_tokenizer_file,
    same_vocabulary,
    unknown_id,
    unknown_share,
)
from tests.support.tokenizers import unigram, wordpiece


def with_vocabulary(change: dict[str, int], drop: tuple[str, ...] = ()) -> Tokenizer:
    """The WordPiece tokenizer with other ids."""
    described = json.loads(wordpiece().to_str())
    vocabulary = {word: number for word, number in described["model"]["vocab"].items() if word not in drop}
    described["model"]["vocab"] = vocabulary | change
    return Tokenizer.from_str(json.dumps(described))


def test_a_loaded_tokenizer_neither_pads_nor_truncates(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made = wordpiece()  # pads
    made.enable_truncation(4)
    made.save(str(path))
    as_saved = read_tokenizer_file(path)
    assert (as_saved.padding, as_saved.truncation) != (None, None)
    loaded = load_tokenizer(path)
    assert (loaded.padding, loaded.truncation) == (None, None)
    assert [len(encoding.ids) for encoding in loaded.encode_batch(["好书推荐服务", "差"])] == [8, 3]


def test_any_other_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": 1}')
    for path in (tmp_path / "tokenizer.json", tmp_path / "missing.json"):
        with pytest.raises(BadInput, match=rf"{path.name}: not a tokenizer\.json \(.*\)$") as refused:
            load_tokenizer(path)
        assert "\n" not in str(refused.value)


def test_texts_are_truncated_between_their_special_tokens() -> None:
    tokenizer = load_wordpiece()
    sequences, types, truncated = encode_texts(tokenizer, ["好" * 20, "差"], 8)
    assert truncated == 1
    assert [len(sequence) for sequence in sequences] == [8, 3]
    assert (sequences[0][0], sequences[0][-1]) == (3, 4)
    assert types == [[0] * 8, [0] * 3]
    assert tokenizer.truncation is None, "the tokenizer is left as it was"


def test_of_a_pair_the_longer_text_is_truncated() -> None:
    tokenizer = load_wordpiece()
    [sequence], [types], truncated = encode_texts(tokenizer, [("好书", "差" * 20)], 9)
    assert truncated == 1
    good, book, bad = (tokenizer.token_to_id(word) for word in "好书差")
    assert sequence == [3, good, book, 4, bad, bad, bad, bad, 4]
    assert types == [0] * 4 + [1] * 5


def load_wordpiece() -> Tokenizer:
    made = wordpiece()
    made.no_padding()
    return made


def test_padding_goes_by_either_name() -> None:
    assert pad_id(wordpiece()) == 0
    assert pad_id(unigram()) == 1
    bare = Tokenizer(models.WordLevel({"好": 0}, unk_token="好"))
    with pytest.raises(BadInput, match=r"no padding token; expected one of: \[PAD\], <pad>"):
        pad_id(bare)


def test_vocabularies_are_compared_by_their_ids() -> None:
    assert same_vocabulary(wordpiece(), wordpiece())
    swapped = with_vocabulary({"ab": wordpiece().token_to_id("a"), "a": wordpiece().token_to_id("ab")})
    assert not same_vocabulary(wordpiece(), swapped)
    count = wordpiece().get_vocab_size()
    assert difference(swapped, wordpiece()) == (
        f"{count} tokens, the teacher's {count}; {count} in common, 2 of them under other ids"
    )
    fewer = with_vocabulary({}, drop=("z", "##c"))
    assert difference(fewer, wordpiece()) == (
        f"{count - 2} tokens, the teacher's {count}; {count - 2} in common, 0 of them under other ids"
    )
    more = wordpiece()
    more.add_tokens(["新"])
    for one, other in ((more, wordpiece()), (wordpiece(), more)):
        assert not same_vocabulary(one, other), "an added token was not seen"


def test_the_unknown_token_of_each_kind() -> None:
    assert unknown_id(wordpiece()) == 2
    assert unknown_id(unigram()) == 3
    assert unknown_id(Tokenizer(models.BPE({"a": 0}, []))) is None


def test_unknown_tokens_are_counted_among_all() -> None:
    tokenizer = load_wordpiece()
    assert unknown_share(tokenizer, ["好书", "谁好"]) == 0.25
    assert unknown_share(tokenizer, ["好书"]) == 0.0
    assert unknown_share(tokenizer, []) == 0.0


@pytest.mark.parametrize("inside", [False, True])
def test_a_character_is_one_piece_under_metaspace(inside: bool) -> None:
    pieces = [("<unk>", 0.0), ("▁", -1.0), ("北", -2.0), ("京", -2.0), ("▁北", -8.0)]
    made = Tokenizer(models.Unigram(pieces, unk_id=0))
    blank = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), blank]) if inside else blank
    assert made.encode("京").tokens == ["▁", "京"], "the test proves nothing"
    one_piece_per_character(made)
    assert Tokenizer.from_str(made.to_str()).encode("京").tokens == ["京"]
