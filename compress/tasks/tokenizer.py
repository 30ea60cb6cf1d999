"""Opens, queries and compares tokenizers (tokenizer.json), with the library `tokenizers` alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from pocketbert.compress.base.errors import BadInput

PAD_TOKENS = ("[PAD]", "<pad>")


def load_tokenizer(path: Path) -> Tokenizer:
    """A `tokenizer.json`, neither padding nor cutting; `BadInput` if it is none."""
    return plain(read_tokenizer_file(path))


def read_tokenizer_file(path: Path) -> Tokenizer:
    """A `tokenizer.json` as it is; `BadInput` if it is none."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput(f"{path}: not a tokenizer.json ({str(error).splitlines()[0]})") from error


def plain(tokenizer: Tokenizer) -> Tokenizer:
    """The same one, made neither to pad nor to cut: that is for the task."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """The id of the padding token.

    Raises:
        BadInput: the vocabulary has none of the names BERT-family models use.
    """
    for token in PAD_TOKENS:
        if (found := tokenizer.token_to_id(token)) is not None:
            return found
    raise BadInput(f"tokenizer: no padding token; one of {', '.join(PAD_TOKENS)} must be in the vocabulary")


def encode_texts(
    tokenizer: Tokenizer, texts: Sequence[str] | Sequence[tuple[str, str]], max_length: int
) -> tuple[list[list[int]], list[list[int]], int]:
    """Token ids and token types of texts or pairs, special tokens included, and how many were cut at `max_length`.

    Of a pair that is too long the longer text loses its end first.
    """
    tokenizer.enable_truncation(max_length)
    try:
        encoded = tokenizer.encode_batch(list(texts))
    finally:
        tokenizer.no_truncation()
    cut = sum(bool(encoding.overflowing) for encoding in encoded)
    return [encoding.ids for encoding in encoded], [encoding.type_ids for encoding in encoded], cut


def one_piece_per_character(tokenizer: Tokenizer) -> None:
    """Have a Metaspace tokenizer (XLM-R's) put no blank before each word: it would be a piece of its own."""
    found = tokenizer.pre_tokenizer
    parts: Any = found if isinstance(found, pre_tokenizers.Sequence) else [found]  # iterable, whatever the stubs say
    for part in parts:
        if isinstance(part, pre_tokenizers.Metaspace):
            part.prepend_scheme = "never"


def same_vocabulary(a: Tokenizer, b: Tokenizer) -> bool:
    """Whether every token has the same id in both, so that ids of the one can be fed to a model of the other."""
    return a.get_vocab(with_added_tokens=True) == b.get_vocab(with_added_tokens=True)


def difference(student: Tokenizer, teacher: Tokenizer) -> str:
    """How two vocabularies differ, in one line."""
    mine, theirs = (tokenizer.get_vocab(with_added_tokens=True) for tokenizer in (student, teacher))
    common = mine.keys() & theirs.keys()
    moved = sum(mine[token] != theirs[token] for token in common)
    return (
        f"{len(mine):,} tokens, the teacher's {len(theirs):,}; {len(common):,} in common, "
        f"{moved:,} of them under other ids"
    )


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """What stands for text that no piece covers."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "Unigram":
        number: int | None = model.get("unk_id")
        return number
    token = model.get("unk_token")
    return tokenizer.token_to_id(token) if token else None  # a byte-level BPE covers everything


def unknown_share(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """How many of all the tokens that these texts are cut into stand for something unknown, as a fraction."""
    unknown = unknown_id(tokenizer)
    found = [
        number for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False) for number in encoding.ids
    ]
    return sum(number == unknown for number in found) / max(len(found), 1)
