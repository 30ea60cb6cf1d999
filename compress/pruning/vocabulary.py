"""Vocabulary pruning: rewrites ``tokenizer.json`` with fewer tokens, which keep their order.

It works for WordPiece, Unigram and word-level models, whose pieces are independent of one another; the merges of a BPE
model are not.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.tokenizer import token_ids, unknown_id

_PUNCTUATION = [(0x20, 0x7E), (0x2010, 0x2026), (0x3000, 0x303F), (0xFF00, 0xFFEF)]


_GB_2312 = "gb2312"
_BIG5 = "big5"
CHARACTER_SETS: dict[str, tuple[str, Sequence[tuple[int, int]]]] = {
    "gb2312-1": (_GB_2312, [(0xB0, 0xD7)]),
    "gb2312-2": (_GB_2312, [(0xD8, 0xF7)]),
    "big5": (_BIG5, [(0xA4, 0xC6), (0xC9, 0xF9)]),
}
"""Name -> encoding, and first bytes of its characters: the 3,755 most frequent simplified ones and the 3,008 next ones
(GB/T 2312-1980, rows 16 to 55 and 56 to 87), and the 13,053 traditional ones of Big5.
"""


def characters_of(name: str) -> frozenset[str]:
    """Return the characters of one of the `CHARACTER_SETS`."""
    encoding, rows = CHARACTER_SETS[name]
    codes = (bytes([row, cell]) for low, high in rows for row in range(low, high + 1) for cell in range(0x40, 0xFF))
    found = (code.decode(encoding, errors="ignore") for code in codes)
    return frozenset(character for character in found if len(character) == 1 and character >= "\u4e00")


def common_characters() -> frozenset[str]:
    """Return ASCII, Chinese and full-width punctuation, and the characters of GB 2312 level 1."""
    return characters_of("gb2312-1") | {chr(point) for low, high in _PUNCTUATION for point in range(low, high + 1)}


def pieces_of(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the whole vocabulary with its ids.

    Raises:
        BadInput: the pieces of this kind of model cannot be removed one by one.
    """
    kind = json.loads(tokenizer.to_str())["model"]["type"]
    if kind not in ("WordPiece", "Unigram", "WordLevel"):
        raise BadInput(
            f"prune-vocab: the tokenizer is a {kind} model; allowed: WordPiece, Unigram, WordLevel; remove this stage"
        )
    pieces: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    return pieces


def special_ids(tokenizer: Tokenizer) -> set[int]:
    """Return the ids that stand for no text: added tokens, the post-processor's tokens, and the unknown token."""
    written = json.loads(tokenizer.to_str())
    added = {token["id"] for token in written["added_tokens"]}
    around = {ids[at] for ids, at in _id_places(written.get("post_processor"))}
    return added | around | {number for number in (unknown_id(tokenizer),) if number is not None}


def character_ids(pieces: dict[str, int], characters: Collection[str]) -> set[int]:
    """Return the ids of pieces that are one of the characters, at the start of a word or inside it."""
    return {number for piece, number in pieces.items() if _text_of(piece) in characters}


def needed_ids(tokenizer: Tokenizer, texts: Sequence[str], kept: Collection[int]) -> set[int]:
    """Return `kept` and all further ids without which `texts` would be tokenized differently.

    The pieces of the tokenized texts are not always enough: WordPiece may match a piece first and discard it later,
    without a trace in the result. If a text is tokenized differently, every piece it contains is kept.

    Raises:
        BadInput: a text is tokenized differently even with all its pieces kept.
    """
    pieces = pieces_of(tokenizer)
    needed = set(kept) | _lowest(tokenizer)
    for ids in token_ids(tokenizer, texts):
        needed.update(ids)
    while changed := changed_texts(texts, tokenizer, *shrink(tokenizer, needed)):
        joined = "\n".join(normalised(tokenizer, changed))
        more = {number for piece, number in pieces.items() if _text_of(piece) in joined}
        if more <= needed:
            raise BadInput(
                f"prune-vocab: {len(changed)} training texts would be tokenized differently, such as "
                f"{changed[0][:40]!r}; remove this stage, or list the tokens to keep in `tokens`"
            )
        needed |= more
    return needed


def changed_texts(texts: Sequence[str], whole: Tokenizer, small: Tokenizer, back: Sequence[int]) -> list[str]:
    """Return the texts that `small` tokenizes differently than `whole`; `back` has the old id of each new id."""
    both = zip(texts, token_ids(whole, texts), token_ids(small, texts), strict=True)
    return [text for text, old, new in both if old != [back[number] for number in new]]


def _lowest(tokenizer: Tokenizer) -> set[int]:
    """Return the id of a Unigram model's lowest score, which sets the cost of unknown characters."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] != "Unigram":
        return set()
    return {min(range(len(model["vocab"])), key=lambda number: model["vocab"][number][1])}


def _text_of(piece: str) -> str:
    return piece.removeprefix("##").lstrip("▁")


def normalised(tokenizer: Tokenizer, texts: Iterable[str]) -> list[str]:
    """Return the texts after the tokenizer's normalization."""
    normalizer = tokenizer.normalizer
    return [normalizer.normalize_str(text) if normalizer else text for text in texts]


def shrink(tokenizer: Tokenizer, kept: Collection[int]) -> tuple[Tokenizer, list[int]]:
    """Return the tokenizer with only the ids `kept`, renumbered without gaps, and the old id of each new id."""
    back = sorted(kept)
    new = {old: number for number, old in enumerate(back)}
    written = json.loads(tokenizer.to_str())
    model = written["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [model["vocab"][old] for old in back if old < len(model["vocab"])]
        model["unk_id"] = None if model["unk_id"] is None else new[model["unk_id"]]
    else:
        model["vocab"] = {piece: new[old] for piece, old in model["vocab"].items() if old in new}
    for added in written["added_tokens"]:
        added["id"] = new[added["id"]]
    if written.get("padding"):
        written["padding"]["pad_id"] = new[written["padding"]["pad_id"]]
    for ids, at in _id_places(written.get("post_processor")):
        ids[at] = new[ids[at]]
    small = Tokenizer.from_str(json.dumps(written))
    small.encode_special_tokens = tokenizer.encode_special_tokens
    return small, back


def _id_places(processor: Any) -> Iterator[tuple[list[Any], int]]:
    """Yield (list, index) of every id in a post-processor: of a template's special tokens, and of BERT's and RoBERTa's
    (token, id) pairs.
    """
    if processor:
        for inner in processor.get("processors", ()):
            yield from _id_places(inner)
        for token in processor.get("special_tokens", {}).values():
            yield from ((token["ids"], at) for at in range(len(token["ids"])))
        yield from ((processor[name], 1) for name in ("sep", "cls") if name in processor)
