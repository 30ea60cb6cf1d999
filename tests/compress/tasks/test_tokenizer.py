"""Tokenizers are opened, asked and compared without transformers."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks import long_texts
from pocketbert.compress.tasks import tokenizer as tokenizer_module
from pocketbert.compress.tasks.tokenizer import (
    difference,
    encode_texts,
    load_tokenizer,
    one_piece_per_character,
    pad_id,
    plain,
    read_tokenizer_file,
    same_tokens,
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


ODD = "好书推荐服务差电脑屏幕坏未见过abcxz ，。Ａé e\u0301\u0308ΣΑ\u200d\u3000\n\t[SEP]🙂가\ufa0e\u3400İß"


def truncated_by_the_library(tokenizer: Tokenizer, texts: list[Any], max_length: int) -> tuple[Any, Any, int]:
    tokenizer.enable_truncation(max_length)
    encoded = tokenizer.encode_batch(texts)
    tokenizer.no_truncation()
    found = [encoding.ids for encoding in encoded], [encoding.type_ids for encoding in encoded]
    return *found, sum(bool(encoding.overflowing) for encoding in encoded)


@pytest.mark.parametrize("make", [wordpiece, unigram])
def test_truncated_texts_are_those_of_the_library(make: Callable[[], Tokenizer]) -> None:
    draw, tokenizer = random.Random(11), plain(make())  # noqa: S311
    texts = ["".join(draw.choices(ODD, k=draw.choice([0, 1, 3, 10, 40, 200]))) for _ in range(400)]
    for max_length in (4, 5, 8, 16, 17):
        assert encode_texts(tokenizer, texts, max_length) == truncated_by_the_library(tokenizer, texts, max_length)


@pytest.mark.parametrize(("text", "special"), [("好", 2), (("好", "差"), 3)])
def test_special_tokens_that_leave_no_room_are_refused(text: Any, special: int) -> None:
    tokenizer = plain(wordpiece())
    assert encode_texts(tokenizer, [text], special + 1)[2] >= 0
    said = f"puts {special} special tokens around each text, and task.max_length is {special}; allowed: more than"
    with pytest.raises(BadInput, match=said):
        encode_texts(tokenizer, [text], special)


def test_truncated_pairs_are_those_of_the_library() -> None:
    tokenizer = plain(wordpiece())
    pairs = [("好" * first, "书a" * second) for first in range(14) for second in range(14)]
    for max_length in (4, 5, 8, 9, 12):
        assert encode_texts(tokenizer, pairs, max_length) == truncated_by_the_library(tokenizer, pairs, max_length)


def test_beginnings_of_long_texts_give_the_tokens_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut so early that some beginnings are not enough."""
    draw = random.Random(7)  # noqa: S311
    drawn = ["".join(draw.choices(ODD + "  好书", k=draw.choice([0, 1, 3, 10, 40, 200]))) for _ in range(200)]
    pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
    words, pieces = plain(wordpiece()), plain(e5_like())
    cases: list[tuple[Tokenizer, list[Any], tuple[int, ...]]] = [
        (words, drawn, (4, 5, 8, 16, 17)),
        (pieces, drawn, (4, 5, 8, 16, 17)),
        (words, pairs, (4, 5, 8, 9, 16, 17)),
    ]
    for tokenizer, texts, lengths in cases:
        for max_length in lengths:
            expected = truncated_by_the_library(tokenizer, texts, max_length)
            for per_token in (0, 1, 2):
                monkeypatch.setattr(long_texts, "PER_TOKEN", per_token)
                assert encode_texts(tokenizer, texts, max_length) == expected, (per_token, max_length)


def e5_like() -> Tokenizer:
    made = unigram()
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    return made


@pytest.mark.parametrize("text", ["好书推荐" * 25_000, "abz " * 25_000, ("ab " * 33_000, "好")])
def test_of_a_long_text_the_beginning_is_tokenized(text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, read = tokenizer_module._encoded, []

    def counted(tokenizer: Tokenizer, batch: list[Any], special: bool = True) -> Any:
        read.extend(sum(map(len, each)) for each in batch)
        return real(tokenizer, batch, special)

    monkeypatch.setattr(tokenizer_module, "_encoded", counted)
    _, _, truncated = encode_texts(plain(wordpiece()), [text], 16)
    assert truncated == 1
    assert sum(read) < 150


def test_equal_ids_are_one_object() -> None:
    """A list of 25 million tokens takes 0.2 GB instead of 0.9."""
    made = unigram()
    made.add_tokens([f"t{number}" for number in range(400)])
    [[*ids], [*again]] = encode_texts(plain(made), ["t399", "t399"], 8)[0]
    assert max(ids) > 256
    assert all(first is second for first, second in zip(ids, again, strict=True))


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
    assert same_tokens(wordpiece(), wordpiece())
    swapped = with_vocabulary({"ab": wordpiece().token_to_id("a"), "a": wordpiece().token_to_id("ab")})
    assert not same_tokens(wordpiece(), swapped)
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
        assert not same_tokens(one, other), "an added token was not seen"


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


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("normalizer", lambda made: setattr(made, "normalizer", normalizers.BertNormalizer(lowercase=False))),
        ("pre_tokenizer", lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.Whitespace())),
        ("model", lambda made: setattr(made.model, "max_input_chars_per_word", 7)),
        (
            "special tokens",
            lambda made: setattr(made, "post_processor", processors.BertProcessing(("z", 26), ("z", 26))),
        ),
    ],
)
def test_the_same_ids_may_stand_for_other_tokens(part: str, change: Callable[[Tokenizer], None]) -> None:
    other = wordpiece()
    change(other)
    assert not same_tokens(other, wordpiece())
    assert difference(other, wordpiece()) == (
        f"the same ids as the teacher's, but another {part}, so it reads texts in other tokens"
    )


def test_special_tokens_in_a_text_are_ordinary_text(tmp_path: Path) -> None:
    """Whoever types them; those around the text are the tokenizer's own."""
    wordpiece().save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    for text in ("好[SEP]差", "[PAD]好", "[CLS]"):
        ids = loaded.encode(text).ids
        assert (ids[0], ids[-1]) == (3, 4)
        assert not {0, 3, 4} & set(ids[1:-1])
        assert encode_texts(loaded, [(text, text)], 20)[0][0].count(4) == 2


def test_a_regular_expression_without_an_end_is_one_line() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(a+)+$"), "isolated")
    with pytest.raises(BadInput, match=r"tokenizer\.json cannot tokenize a text .*; simplify its regular expressions"):
        encode_texts(tokenizer, ["a" * 60 + "!"], 16)
