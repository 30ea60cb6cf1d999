"""Where a long text can be cut so that its first tokens are those of the whole text."""

import json
import re
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

PER_TOKEN = 8
"""Characters for each token of the longest input that are tokenized of a long text before its rest is read."""
_READ_PER_TOKEN = 16
_BLANKS = " \t\n\r\u3000"
_FIRST, _LAST = "一", "\u9fff"
_IDEOGRAPHS = f"{_FIRST}-{_LAST}"
_LOCAL = ("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Strip", "StripAccents")
"""Normalizers that change nothing before a blank because of what comes after it."""
_OF_BLANKS = re.compile(r"(\\s| )(\+|\{2,\})?")
"""A regular expression that matches nothing but blanks, in the pattern of a Replace."""
_AT_BLANKS = ("BertPreTokenizer", "Metaspace", "Whitespace", "WhitespaceSplit")


def readable(max_length: int) -> int:
    """Return the number of characters by which long texts are compared: `max_length` tokens are hardly more.

    The tokens themselves are never taken from so short a text without a check.
    """
    return _READ_PER_TOKEN * max_length


def beginning(tokenizer: Tokenizer, max_length: int) -> Callable[[Any], Any]:
    """Return a function that cuts a text, or both texts of a pair, to some `PER_TOKEN` × `max_length` characters.

    It cuts where a token begins whatever follows, so the tokens before are those of the whole text. They may be fewer
    than `max_length`. A text stays as it is if there is no such place, or none is known.
    """
    starts, most = _starts(tokenizer), PER_TOKEN * max_length
    if not starts:
        return lambda text: text
    pattern, apart = re.compile(f"[{starts}]"), _Apart(tokenizer) if _IDEOGRAPHS not in starts else None

    def cut(text: Any) -> Any:
        if not isinstance(text, str):
            return tuple(map(cut, text))
        if len(text) <= most:
            return text
        found = pattern.search(text, most)
        end = found.start() if found else len(text)
        return text[: apart.first(text, most, end) if apart else end]

    return cut


class _Apart:
    """Two ideographs that are never in one piece of a unigram model.

    A piece begins between them, and the best pieces before do not depend on those after (Kudo 2018, "Subword
    Regularization": the Viterbi algorithm).
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        added = "".join(token.content for token in tokenizer.get_added_tokens_decoder().values())
        self._known = isinstance(tokenizer.model, Unigram) and not re.search(f"[{_IDEOGRAPHS}]", added)
        self._tokenizer = tokenizer

    @cached_property
    def _together(self) -> set[tuple[str, str]]:
        return {pair for piece in self._tokenizer.get_vocab() for pair in pairwise(piece)}

    def first(self, text: str, begin: int, end: int) -> int:
        """Return the first place from `begin` on between two such ideographs, else `end`."""
        places = range(max(begin, 1), end if self._known else 0)
        return next(
            (at for at in places if _ideographs(text, at) and (text[at - 1], text[at]) not in self._together), end
        )


def _ideographs(text: str, at: int) -> bool:
    return _FIRST <= text[at - 1] <= _LAST and _FIRST <= text[at] <= _LAST


def _starts(tokenizer: Tokenizer) -> str:
    """Return characters that begin a new word wherever they stand, as in a set of a regular expression."""
    normal, split = _described(tokenizer.normalizer), _described(tokenizer.pre_tokenizer)
    if not split or split[0]["type"] not in _AT_BLANKS or not all(map(_is_local, normal)):
        return ""
    found = "".join(blank for blank in _BLANKS if _separates(tokenizer, blank))
    if split[0]["type"] == "BertPreTokenizer" and any(part.get("handle_chinese_chars") for part in normal):
        found += _IDEOGRAPHS
    added = tokenizer.get_added_tokens_decoder().values()
    depends = any(token.single_word or re.search(f"[{found}]", token.content) for token in added) if found else False
    return "" if depends else found


def _described(part: Normalizer | PreTokenizer | None) -> list[dict[str, Any]]:
    """Return the parts of a normalizer or pre-tokenizer as tokenizer.json describes them, in order."""
    if part is None:
        return []
    whole: dict[str, Any] = json.loads(part.__getstate__())
    parts: list[dict[str, Any]] = whole.get("normalizers") or whole.get("pretokenizers") or [whole]
    return parts


def _is_local(normalizer: dict[str, Any]) -> bool:
    pattern = normalizer.get("pattern", {}).get("Regex", "")
    return normalizer["type"] in _LOCAL or (normalizer["type"] == "Replace" and bool(_OF_BLANKS.fullmatch(pattern)))


def _separates(tokenizer: Tokenizer, blank: str) -> bool:
    """Return whether the tokenizer reads the texts on both sides of a blank as two words."""
    text = f"a{blank}a"
    normal = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
    return tokenizer.pre_tokenizer is not None and len(tokenizer.pre_tokenizer.pre_tokenize_str(normal)) > 1
