"""A long text is cut only where the tokenizer starts a new word, whatever follows."""

from collections.abc import Callable

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers

from pocketbert.compress.tasks.long_texts import beginning
from tests.support.tokenizers import unigram, wordpiece


def test_of_a_bert_before_an_ideograph_or_a_blank() -> None:
    cut = beginning(wordpiece(), 8)
    assert cut("好" * 10**6) == "好" * 64
    assert cut("好a。" * 100) == "好a。" * 22
    assert cut("a" * 1000 + "好" * 20) == "a" * 1000
    assert cut("abc " * 1000) == "abc " * 16 + "abc"
    assert cut("abc\u3000" * 1000) == "abc\u3000" * 16 + "abc"
    assert cut("abc\x1c" * 1000) == "abc\x1c" * 1000, "its normalizer removes this one"
    assert cut("好" * 60) == "好" * 60
    assert cut(("好" * 99, "书")) == ("好" * 64, "书")


def test_of_a_unigram_model_before_a_blank_or_between_ideographs_that_no_piece_joins() -> None:
    """服务 and 电脑屏 are pieces, so 服|务, 电|脑 and 脑|屏 are no places."""
    cut = beginning(unigram(), 8)
    assert cut("好" * 99) == "好" * 64
    assert cut("服务" * 99) == "服务" * 32
    assert cut("x" + "服务" * 99) == "x" + "服务" * 32
    assert cut("电" * 63 + "电脑屏好") == "电" * 63 + "电脑屏"
    assert cut("x" * 63 + "电脑屏x") == "x" * 63 + "电脑屏x"
    assert cut("好 " * 99) == "好 " * 32 + "好"
    assert cut("好\n" * 99) == "好\n" * 99, "a line break is no blank without a normalizer"
    made = unigram()
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    assert beginning(made, 8)("好\n" * 99) == "好\n" * 32 + "好"


def with_normalizer(normalizer: normalizers.Normalizer) -> Callable[[Tokenizer], None]:
    def change(made: Tokenizer) -> None:
        made.normalizer = normalizer

    return change


def with_pre_tokenizer(pre_tokenizer: pre_tokenizers.PreTokenizer | None) -> Callable[[Tokenizer], None]:
    def change(made: Tokenizer) -> None:
        made.pre_tokenizer = pre_tokenizer

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.add_tokens(["好书"]),
        lambda made: made.add_tokens(["a b"]),
        lambda made: made.add_tokens([AddedToken("ab", single_word=True)]),
        with_normalizer(normalizers.Replace(Regex("a b"), "c")),
        with_normalizer(normalizers.Replace(" ", "")),
        with_pre_tokenizer(pre_tokenizers.ByteLevel()),
        with_pre_tokenizer(pre_tokenizers.Metaspace(split=False)),
        with_pre_tokenizer(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("a b"), "isolated")])),
        with_pre_tokenizer(None),
    ],
)
def test_where_no_such_place_is_known_the_text_stays(change: Callable[[Tokenizer], object]) -> None:
    made = wordpiece()
    change(made)
    assert beginning(made, 8)("好 " * 99) == "好 " * 99
