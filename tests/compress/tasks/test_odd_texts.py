"""Texts that spell special tokens, and texts that are empty to the model, are counted."""

from tokenizers import Tokenizer

from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.odd_texts import odd_texts
from pocketbert.compress.tasks.tokenizer import plain
from tests.support.tokenizers import unigram, wordpiece


def told(kind: str, tokenizer: Tokenizer, **columns: object) -> list[str]:
    task = open_task(kind, ["O", "B-X"], 16)
    return list(odd_texts(task, plain(tokenizer), {"test": {name: list(values) for name, values in columns.items()}}))  # type: ignore[call-overload]


def test_special_tokens_in_texts_are_counted() -> None:
    end = "; it is read as ordinary text, and an app has to do the same (docs/mobile.md)"
    texts = ["好[SEP]差", "[PAD][SEP]", "好", "[sep]"]
    assert told("classification", wordpiece(), text=texts) == [
        f"2 of 4 test texts spell a special token, such as [SEP]{end}"
    ]
    assert told("matching", wordpiece(), text=["好"], text_pair=["[CLS]"]) == [
        f"1 of 2 test texts spell a special token, such as [CLS]{end}"
    ]
    assert told("tagging", wordpiece(), tokens=[["好", "[UNK]"], ["好", "差"]]) == [
        f"1 of 3 test words spell a special token, such as [UNK]{end}"
    ]


def test_a_unigram_model_reads_them_as_what_they_spell() -> None:
    assert told("classification", unigram(), text=["好<pad>", "好"]) == [
        "1 of 2 test texts spell a special token, such as <pad>; this tokenizer has it among its pieces, so it is read "
        "as the special token"
    ]


def test_texts_whose_first_token_comes_late_have_one() -> None:
    assert told("classification", wordpiece(), text=["\u200b" * 1000 + "。", "\u200b" * 1001]) == [
        "1 of 2 test texts have no token: the model reads them as empty"
    ]


def test_texts_without_a_token_are_counted() -> None:
    texts = ["\u200b\ufeff", "\x00", " ", "！", "好", "z"]
    assert told("classification", wordpiece(), text=texts) == [
        "3 of 6 test texts have no token: the model reads them as empty"
    ]
