"""The rows on which an exported checkpoint is compared."""

from pathlib import Path

import pytest
from tokenizers import Regex, pre_tokenizers
from transformers import BertConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.shipping.sample import random_rows, read_texts, tokenize
from tests.support.tokenizers import unigram, wordpiece

TAGGER = BertConfig(max_position_embeddings=8, architectures=["BertForTokenClassification"])
CLASSIFIER = BertConfig(vocab_size=20, max_position_embeddings=8, architectures=["BertForSequenceClassification"])


def test_random_rows_have_every_length_and_no_padding() -> None:
    rows = random_rows(CLASSIFIER, 7, types=True, longest=8)
    assert [len(sequence) for sequence in rows.sequences] == [2, 3, 4, 5, 6, 7, 8]
    assert rows.types is not None
    assert all(types == sorted(types) for types in rows.types)
    assert {token for sequence in rows.sequences for token in sequence} <= set(range(1, 20))
    assert random_rows(TAGGER, 2, types=False, longest=8).scored == [[0, 1], list(range(8))]


def test_texts_are_lines_and_pairs_are_parted_by_a_tab(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_bytes("\ufeff好书\r\n\n \n服务\u2028差".encode())
    assert read_texts(file, pairs=False) == ["好书", "服务\u2028差"]
    file.write_text("好书\t推荐\n", encoding="utf-8")
    assert read_texts(file, pairs=True) == [("好书", "推荐")]


def test_texts_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    for content, pairs, said in [
        (b"", False, "the file has no text; write one text per line"),
        ("好\t书\n".encode(), False, "line 1: the text has a tab; remove it, or add --pairs"),
        ("好\t书\n好\n".encode(), True, "line 2: expected with --pairs: two texts parted by one tab"),
        ("好\n书".encode("gbk"), False, "line 1: is not UTF-8.*; save the file as UTF-8"),
    ]:
        file.write_bytes(content)
        with pytest.raises(BadInput, match=said):
            read_texts(file, pairs)
    with pytest.raises(BadInput, match="there is no such file; name a file with one text per line"):
        read_texts(tmp_path, pairs=False)
    with pytest.raises(BadInput, match="File name too long"):
        read_texts(tmp_path / ("a" * 5000), pairs=False)


def test_texts_are_truncated_to_the_longest_and_pairs_have_types() -> None:
    rows = tokenize(["好书推荐服务差电脑", "好"], wordpiece(), CLASSIFIER, types=False, longest=8)
    assert [len(sequence) for sequence in rows.sequences] == [8, 3]
    assert rows.truncated == 1
    assert rows.scored is None
    assert 4 not in tokenize(["好[SEP]书"], wordpiece(), CLASSIFIER, types=False, longest=8).sequences[0][:-1], (
        "ordinary text"
    )
    pairs = tokenize([("好", "书")], wordpiece(), CLASSIFIER, types=True, longest=8)
    assert pairs.types == [[0, 0, 0, 1, 1]]


def test_a_tagger_is_scored_at_the_first_piece_of_each_word() -> None:
    assert tokenize(["好 abx 差"], wordpiece(), TAGGER, types=False, longest=8).scored == [[1, 2, 4]]
    assert tokenize(["好书"], unigram(), TAGGER, types=False, longest=8).scored == [[1]]
    with pytest.raises(BadInput, match="the tokenizer finds no word in these texts"):
        tokenize(["\u200b"], wordpiece(), TAGGER, types=False, longest=8)
    long = tokenize(["好书 abx " * 20], wordpiece(), TAGGER, types=False, longest=8)
    assert (len(long.sequences[0]), long.sequences[0][-1], long.truncated) == (8, 4, 1)
    assert long.scored == [[1, 2, 3, 5, 6]]


def test_a_text_that_no_tagger_can_read_is_one_line() -> None:
    tokenizer = wordpiece()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(a+)+$"), "isolated")
    with pytest.raises(BadInput, match=r"tokenizer\.json cannot tokenize a text"):
        tokenize(["a" * 60 + "!"], tokenizer, TAGGER, types=False, longest=8)
