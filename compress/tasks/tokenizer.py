"""Opens, queries and compares tokenizers (tokenizer.json), with the library `tokenizers` alone."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer, pre_tokenizers

from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.tasks.long_texts import beginning

PAD_TOKENS = ("[PAD]", "<pad>")
_CHARACTERS = 100_000
"""Characters that are tokenized at a time."""


def load_tokenizer(path: Path) -> Tokenizer:
    """Open a `tokenizer.json` as `plain`; `BadInput` if the file is not one."""
    return plain(read_tokenizer_file(path))


def read_tokenizer_file(path: Path) -> Tokenizer:
    """Open a `tokenizer.json` as it is; `BadInput` if the file is not one."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput(f"{path}: not a tokenizer.json ({first_line(error)})") from error


def plain(tokenizer: Tokenizer) -> Tokenizer:
    """Switch off padding and truncation, which are the task's decision; return the tokenizer itself.

    A special token that a user types in a text, such as ``[SEP]``, becomes ordinary text.
    """
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
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

    Raises:
        BadInput: the special tokens alone fill `max_length`, or the tokenizer fails.
    """
    tokenizer.no_truncation()  # the library's own truncation keeps the rest of a text as windows
    room(tokenizer, max_length, pairs=bool(texts) and not isinstance(texts[0], str))
    sequences: list[list[int]] = []
    types: list[list[int]] = []
    truncated, same = 0, dict[int, int]()
    for encoding in _encodings(tokenizer, texts, max_length):
        ids, kinds = encoding.ids, encoding.type_ids
        if len(ids) > max_length:
            truncated += 1
            kept = _kept(encoding.sequence_ids, max_length)
            ids, kinds = [ids[at] for at in kept], [kinds[at] for at in kept]
        sequences.append([same.setdefault(number, number) for number in ids])  # equal ids are one object
        types.append(kinds)
    return sequences, types, truncated


def room(tokenizer: Tokenizer, max_length: int, pairs: bool = False) -> int:
    """Return the tokens of a text, or of both texts of a pair, that fit beside the special ones.

    Raises:
        BadInput: none fits.
    """
    special = len(tokenizer.encode("", "" if pairs else None).ids)
    if special >= max_length:
        raise BadInput(
            f"the tokenizer puts {special} special tokens around each text, and task.max_length is {max_length}; "
            f"allowed: more than {special}"
        )
    return max_length - special


def _kept(parts: Sequence[int | None], max_length: int) -> list[int]:
    """Return the positions that stay when an encoding is truncated to `max_length` tokens, the longer text first.

    Args:
        parts: of each token the number of its text; None for the special tokens around texts.
    """
    first, second = parts.count(0), parts.count(1)
    budget = max_length - parts.count(None)
    short, long = sorted((first, second))
    if second:
        long = short if short > budget else max(short, budget - short)
        if short + long > budget:
            short, long = budget // 2, budget // 2 + budget % 2
    else:
        long = budget
    left = {0: short, 1: long} if first <= second else {0: long, 1: short}
    kept = []
    for at, part in enumerate(parts):
        if part is not None:
            left[part] -= 1
        if part is None or left[part] >= 0:
            kept.append(at)
    return kept


def _encodings(tokenizer: Tokenizer, texts: Sequence[Any], max_length: int) -> Iterator[Encoding]:
    """Yield the tokens of each text or pair; of a long text only the first ones, if they are enough to truncate it."""
    cut = beginning(tokenizer, max_length)
    parts = [cut(text) for text in texts]
    found = (encoding for batch in _batches(parts) for encoding in _encoded(tokenizer, batch))
    for text, part, encoding in zip(texts, parts, found, strict=True):
        yield encoding if part == text or _enough(text, part, encoding, max_length) else _encoded(tokenizer, [text])[0]


def _enough(text: Any, part: Any, encoding: Encoding, max_length: int) -> bool:
    """Return whether the beginning `part` of a text or pair is truncated to the same tokens as the whole.

    Of a pair in which both texts have to be truncated, their lengths are compared: the whole of both is needed.
    """
    tokens = encoding.sequence_ids
    budget, counts = max_length - tokens.count(None), (tokens.count(0), tokens.count(1))
    if isinstance(text, str):
        return counts[0] > budget
    long = all(count > budget for count, a, b in zip(counts, text, part, strict=True) if a != b)
    return long and min(counts) <= budget


def _encoded(tokenizer: Tokenizer, batch: list[Any], special: bool = True) -> list[Encoding]:
    """Tokenize texts or pairs.

    Raises:
        BadInput: the tokenizer fails, such as by a regular expression that finds no end.
    """
    try:
        return tokenizer.encode_batch_fast(batch, add_special_tokens=special)
    except BaseException as error:
        # The library is written in Rust; a panic there is no `Exception` here.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            why = first_line(error)
            raise BadInput(
                f"tokenizer.json cannot tokenize a text ({why}); simplify its regular expressions, if it has any"
            ) from error
        raise


def _batches(texts: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the texts or pairs in batches of some 100,000 characters: a token takes 100 bytes in the library."""
    batch: list[Any] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text) if isinstance(text, str) else sum(map(len, text))
        if size > _CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def one_piece_per_character(tokenizer: Tokenizer) -> None:
    """Stop a Metaspace tokenizer (XLM-R's) from putting a blank before each word, which becomes a piece of its own."""
    found = tokenizer.pre_tokenizer
    parts: Any = found if isinstance(found, pre_tokenizers.Sequence) else [found]  # iterable, whatever the stubs say
    for part in parts:
        if isinstance(part, pre_tokenizers.Metaspace):
            part.prepend_scheme = "never"


def same_tokens(a: Tokenizer, b: Tokenizer) -> bool:
    """Return whether every text gets the same tokens and ids from both, so that their models take each other's inputs.

    A blank that Metaspace puts before a text may differ.
    """
    return _same_ids(a, b) and not _parts_that_differ(a, b)


def _same_ids(a: Tokenizer, b: Tokenizer) -> bool:
    return a.get_vocab(with_added_tokens=True) == b.get_vocab(with_added_tokens=True)


def _parts_that_differ(a: Tokenizer, b: Tokenizer) -> list[str]:
    """Return the parts of two tokenizers with the same ids that read a text in different ways."""
    first, second = (json.loads(each.to_str(), object_hook=_without_prepend) for each in (a, b))
    differ = [name for name in ("normalizer", "pre_tokenizer", "model") if first[name] != second[name]]
    return differ + (["special tokens"] if _frame(a) != _frame(b) else [])


def _without_prepend(described: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in described.items() if key != "prepend_scheme"}


def _frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the special tokens around a text and around a pair."""
    return tokenizer.encode("").ids, tokenizer.encode("", "").ids


def difference(student: Tokenizer, teacher: Tokenizer) -> str:
    """Describe in one line how two tokenizers differ."""
    if _same_ids(student, teacher):
        parts = " and ".join(_parts_that_differ(student, teacher))
        return f"the same ids as the teacher's, but another {parts}, so it reads texts in other tokens"
    mine, theirs = (tokenizer.get_vocab(with_added_tokens=True) for tokenizer in (student, teacher))
    common = mine.keys() & theirs.keys()
    moved = sum(mine[token] != theirs[token] for token in common)
    return (
        f"{len(mine):,} tokens, the teacher's {len(theirs):,}; {len(common):,} in common, "
        f"{moved:,} of them under other ids"
    )


def separator_id(tokenizer: Tokenizer) -> int | None:
    """Return the id of the token after the first text of a pair; None if nothing separates the two texts."""
    pair = tokenizer.encode("a", "b")
    after = next((at for at, text in enumerate(pair.sequence_ids) if at and text is None), None)
    return None if after is None or 1 not in pair.sequence_ids[after:] else pair.ids[after]


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
    unknown, found, total = unknown_id(tokenizer), 0, 0
    for ids in token_ids(tokenizer, texts, special=False):
        found += ids.count(unknown) if unknown is not None else 0
        total += len(ids)
    return found / max(total, 1)


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], special: bool = True) -> Iterator[list[int]]:
    """Yield the token ids of each text, tokenized in batches: what the library keeps of a text takes much memory."""
    for batch in _batches(texts):
        yield from (encoding.ids for encoding in _encoded(tokenizer, batch, special))
