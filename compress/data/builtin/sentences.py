"""A tagged text cut into sentences that fit a model: nothing is lost, and no entity is cut."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SENTENCE_END = re.compile("[。！？；…]+[”’」』）》]*")
_COMMA = "，、："


class Tagged(NamedTuple):
    """A text and one BIO tag for each of its characters."""

    text: str
    tags: list[str]

    def cut(self, ends: Sequence[int]) -> "list[Tagged]":
        """The pieces between `ends`, the last of which is the end of the text."""
        spans = zip((0, *ends), ends, strict=False)
        return [Tagged(self.text[start:end], self.tags[start:end]) for start, end in spans]

    def may_end(self, at: int) -> bool:
        """Whether no entity goes on at character `at`."""
        return at == len(self.text) or not self.tags[at].startswith("I-")


def sentences(paragraph: Tagged) -> list[Tagged]:
    """The paragraph cut after 。！？；… and the quotation marks and brackets that close there."""
    found = (match.end() for match in _SENTENCE_END.finditer(paragraph.text))
    inner = [end for end in found if end < len(paragraph.text) and paragraph.may_end(end)]
    return paragraph.cut([*inner, len(paragraph.text)])


def pieces(sentence: Tagged, limit: int) -> tuple[list[Tagged], int]:
    """A sentence of more than `limit` characters cut at the last comma within them, else hard, but in no entity.

    Returns:
        The pieces, together the whole sentence, and how many of the cuts are hard.

    Raises:
        ValueError: an entity is longer than `limit`.
    """
    ends, hard, start = [], 0, 0
    while len(sentence.text) - start > limit:
        legal = [end for end in range(start + 1, start + limit + 1) if sentence.may_end(end)]
        commas = [end for end in legal if sentence.text[end - 1] in _COMMA]
        hard += not commas
        start = max(commas or legal)
        ends.append(start)
    return sentence.cut([*ends, len(sentence.text)]), hard


def once(splits: Mapping[str, Sequence[Tagged]]) -> dict[str, list[Tagged]]:
    """Every text once: in test before validation before train, so that what a model is asked it has not seen."""
    seen: set[str] = set()
    kept: dict[str, list[Tagged]] = {}
    for split in sorted(splits, key=("test", "validation", "train").index):
        kept[split] = []
        for sentence in splits[split]:
            if sentence.text not in seen:
                seen.add(sentence.text)
                kept[split].append(sentence)
    return {split: kept[split] for split in splits}
