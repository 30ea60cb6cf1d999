"""Opens, queries and compares tokenizers (tokenizer.json), with the library `tokenizers` alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from pocketbert.compress.base.errors import BadInput, first_line

PAD_TOKENS = ("[PAD]", "<pad>")


def load_tokenizer(path: Path) -> Tokenizer:
    """Open a `tokenizer.json` without padding and truncation; `BadInput` if the file is not one."""
    return plain(read_tokenizer_file(path))


def read_tokenizer_file(path: Path) -> Tokenizer:
    """Open a `tokenizer.json` as it is; `BadInput` if the file is not one."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput(f"{path}: not a tokenizer.json ({first_line(error)})") from error


def plain(tokenizer: Tokenizer) -> Tokenizer:
    """Switch off padding and truncation, which are the task's decision; return the tokenizer itself."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """Return the id of the padding token.

    Raises:
        BadInput: the vocabulary has no padding token under a name that BERT-family models use.
    """
    for token in PAD_TOKENS:
        if (found := tokenizer.token_to_id(token)) is not None:
            return found
    raise BadInput(f"tokenizer: the vocabulary has no padding token; expected one of: {', '.join(PAD_TOKENS)}")


def encode_texts(
    tokenizer: Tokenizer, texts: Sequence[str] | Sequence[tuple[str, str]], max_length: int
) -> tuple[list[list[int]], list[list[int]], int]:
    """Tokenize texts or pairs: token ids and token types with special tokens, and how many were truncated.

    Of a pair with more than `max_length` tokens the longer text is truncated first.
    """
    tokenizer.enable_truncation(max_length)
    try:
        encoded = tokenizer.encode_batch(list(texts))
    finally:
        tokenizer.no_truncation()
    truncated = sum(bool(encoding.overflowing) for encoding in encoded)
    return [encoding.ids for encoding in encoded], [encoding.type_ids for encoding in encoded], truncated


def one_piece_per_character(tokenizer: Tokenizer) -> None:
    """Stop a Metaspace tokenizer (XLM-R's) from putting a blank before each word, which becomes a piece of its own."""
    found = tokenizer.pre_tokenizer
    parts: Any = found if isinstance(found, pre_tokenizers.Sequence) else [found]  # iterable, whatever the stubs say
    for part in parts:
        if isinstance(part, pre_tokenizers.Metaspace):
            part.prepend_scheme = "never"


def same_vocabulary(a: Tokenizer, b: Tokenizer) -> bool:
    """Return whether every token has the same id in both tokenizers, so that their models take each other's inputs."""
    return a.get_vocab(with_added_tokens=True) == b.get_vocab(with_added_tokens=True)


def difference(student: Tokenizer, teacher: Tokenizer) -> str:
    """Describe in one line how two vocabularies differ."""
    mine, theirs = (tokenizer.get_vocab(with_added_tokens=True) for tokenizer in (student, teacher))
    common = mine.keys() & theirs.keys()
    moved = sum(mine[token] != theirs[token] for token in common)
    return (
        f"{len(mine):,} tokens, the teacher's {len(theirs):,}; {len(common):,} in common, "
        f"{moved:,} of them under other ids"
    )


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """Return the id of the unknown token; None for a byte-level BPE, which covers every text."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "Unigram":
        number: int | None = model.get("unk_id")
        return number
    token = model.get("unk_token")
    return tokenizer.token_to_id(token) if token else None


def unknown_share(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Return the fraction of unknown tokens among all tokens of these texts."""
    unknown = unknown_id(tokenizer)
    found = [
        number for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False) for number in encoding.ids
    ]
    return sum(number == unknown for number in found) / max(len(found), 1)
