"""Compares vocabularies, and cuts one down: the ``tokenizer.json`` is rewritten, and what is left keeps its order.

Cutting works on WordPiece, Unigram and word-level models, whose pieces are independent of one another. (The merges of a
BPE model are not.)
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.tasks.tokenizer import unknown_id

_PUNCTUATION = [(0x20, 0x7E), (0x2010, 0x2026), (0x3000, 0x303F), (0xFF00, 0xFFEF)]


def common_characters() -> frozenset[str]:
    """ASCII, Chinese and full-width punctuation, and the 3,755 characters of GB 2312 level 1 (by frequency of use,
    GB/T 2312-1980: rows 16 to 55).
    """
    last_row = range(0xA1, 0xFA)  # row 55 ends early
    codes = [
        bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in (last_row if row == 0xD7 else range(0xA1, 0xFF))
    ]
    return frozenset(code.decode("gb2312") for code in codes) | {
        chr(point) for low, high in _PUNCTUATION for point in range(low, high + 1)
    }


def pieces_of(tokenizer: Tokenizer) -> dict[str, int]:
    """The whole vocabulary with its ids.

    Raises:
        BadInput: a kind of model whose pieces cannot be taken out one by one.
    """
    kind = json.loads(tokenizer.to_str())["model"]["type"]
    if kind not in ("WordPiece", "Unigram", "WordLevel"):
        raise BadInput(f"prune-vocab: the tokenizer is a {kind} model; legal: WordPiece, Unigram, WordLevel")
    pieces: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    return pieces


def special_ids(tokenizer: Tokenizer) -> set[int]:
    """Ids that are no text: added tokens, what the post-processor puts around a text, and the unknown token."""
    written = json.loads(tokenizer.to_str())
    added = {token["id"] for token in written["added_tokens"]} | set(_processor_ids(written.get("post_processor")))
    return added | {number for number in (unknown_id(tokenizer),) if number is not None}


def common_ids(pieces: dict[str, int]) -> set[int]:
    """Pieces that are one common character, at the start of a word or inside it."""
    common = common_characters()
    return {number for piece, number in pieces.items() if _text_of(piece) in common}


def needed_ids(tokenizer: Tokenizer, texts: Sequence[str], kept: Collection[int]) -> set[int]:
    """`kept`, and whatever else it takes for `texts` to be cut as they are now.

    The pieces of the texts are not always enough: a piece that is matched first and given up later (WordPiece) leaves
    no trace in the result. Of a text that comes out otherwise, every piece it contains is kept.

    Raises:
        BadInput: a text would be cut otherwise whatever is kept of it.
    """
    pieces = pieces_of(tokenizer)
    before = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    needed = set(kept) | {number for ids in before for number in ids} | _lowest(tokenizer)
    while changed := changed_texts(texts, before, *shrink(tokenizer, needed)):
        joined = "\n".join(normalised(tokenizer, changed))
        more = {number for piece, number in pieces.items() if _text_of(piece) in joined}
        if more <= needed:
            raise BadInput(
                f"prune-vocab: {len(changed)} training texts cannot be kept as they are: {changed[0][:40]!r}"
            )
        needed |= more
    return needed


def changed_texts(texts: Sequence[str], before: list[list[int]], small: Tokenizer, back: Sequence[int]) -> list[str]:
    """The texts that `small`, whose ids stand for the old ones `back`, cuts otherwise than they were `before`."""
    after = small.encode_batch(list(texts))
    return [t for t, old, new in zip(texts, before, after, strict=True) if old != [back[n] for n in new.ids]]


def _lowest(tokenizer: Tokenizer) -> set[int]:
    """Of a Unigram model the piece of the lowest score, by which it reckons what an unknown character costs."""
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] != "Unigram":
        return set()
    return {min(range(len(model["vocab"])), key=lambda number: model["vocab"][number][1])}


def _text_of(piece: str) -> str:
    return piece.removeprefix("##").lstrip("▁")


def normalised(tokenizer: Tokenizer, texts: Iterable[str]) -> list[str]:
    """Texts as the tokenizer's model sees them."""
    normalizer = tokenizer.normalizer
    return [normalizer.normalize_str(text) if normalizer else text for text in texts]


def shrink(tokenizer: Tokenizer, kept: Collection[int]) -> tuple[Tokenizer, list[int]]:
    """The tokenizer with the ids `kept` alone, renumbered without gaps, and the old id of each new one."""
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
    _renumber(written.get("post_processor"), new)
    return Tokenizer.from_str(json.dumps(written)), back


def _renumber(processor: Any, new: dict[int, int]) -> None:
    """Ids inside a post-processor: of a template's special tokens, or of BERT's and RoBERTa's (token, id) pairs."""
    if not processor:
        return
    for inner in processor.get("processors", ()):
        _renumber(inner, new)
    for token in processor.get("special_tokens", {}).values():
        token["ids"] = [new[old] for old in token["ids"]]
    for name in ("sep", "cls"):
        if name in processor:
            processor[name][1] = new[processor[name][1]]


def _processor_ids(processor: Any) -> Iterator[int]:
    """Every id that `_renumber` will ask for."""
    if not processor:
        return
    for inner in processor.get("processors", ()):
        yield from _processor_ids(inner)
    for token in processor.get("special_tokens", {}).values():
        yield from token["ids"]
    for name in ("sep", "cls"):
        if name in processor:
            yield processor[name][1]
