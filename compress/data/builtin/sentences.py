"""Splits a tagged text into sentences that fit a model: no text is lost, and no entity is split."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SENTENCE_END = re.compile("[。！？；…]+[”’」』）》]*")
_COMMA = "，、："


class Tagged(NamedTuple):
    """A text and one BIO tag for each of its characters."""

    text: str
    tags: list[str]

    def split_at(self, ends: Sequence[int]) -> "list[Tagged]":
        """Return the pieces that end before the characters `ends`; the last end is the length of the text."""
        spans = zip((0, *ends), ends, strict=False)
        return [Tagged(self.text[start:end], self.tags[start:end]) for start, end in spans]

    def may_end(self, at: int) -> bool:
        """Return whether no entity continues at character `at`."""
        return at == len(self.text) or not self.tags[at].startswith("I-")


def sentences(paragraph: Tagged) -> list[Tagged]:
    """Split a paragraph after 。！？；… and the closing quotation marks and brackets that follow."""
    found = (match.end() for match in _SENTENCE_END.finditer(paragraph.text))
    inner = [end for end in found if end < len(paragraph.text) and paragraph.may_end(end)]
    return paragraph.split_at([*inner, len(paragraph.text)])


def pieces(sentence: Tagged, limit: int) -> tuple[list[Tagged], int]:
    """Split a sentence into pieces of at most `limit` characters, at the last comma if any, never inside an entity.

    Returns:
        The pieces, together the whole sentence, and the number of splits without a comma.

    Raises:
        ValueError: an entity is longer than `limit`.
    """
    ends, hard, start = [], 0, 0
    while len(sentence.text) - start > limit:
        allowed = [end for end in range(start + 1, start + limit + 1) if sentence.may_end(end)]
        commas = [end for end in allowed if sentence.text[end - 1] in _COMMA]
        hard += not commas
        start = max(commas or allowed)
        ends.append(start)
    return sentence.split_at([*ends, len(sentence.text)]), hard


def drop_repeats(splits: Mapping[str, Sequence[Tagged]]) -> dict[str, list[Tagged]]:
    """Keep every text once: in test before validation before train, so that no model is tested on text it has seen."""
    seen: set[str] = set()
    kept: dict[str, list[Tagged]] = {}
    for split in sorted(splits, key=("test", "validation", "train").index):
        kept[split] = []
        for sentence in splits[split]:
            if sentence.text not in seen:
                seen.add(sentence.text)
                kept[split].append(sentence)
    return {split: kept[split] for split in splits}
