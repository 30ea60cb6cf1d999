"""Named entities in the People's Daily: persons, places and organisations, one token per character, tagged BIO.

The corpus marks entities as parts of speech: nr, ns and nt. A Chinese person is two words, surname and given name,
which `join_persons` joins. Each word that is a place or an organisation is an entity of its own (河北/ns 张家口/ns are
two). An organisation of several words (中国/ns 国际/n 广播/vn 电台/n) has no nt in this file, and only the place inside
it is an entity.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pocketbert.compress.data.builtin.corpus import Word, corpus_file, read_paragraphs, shuffled, split_paragraphs
from pocketbert.compress.data.builtin.sentences import Tagged, drop_repeats, pieces, sentences
from pocketbert.compress.data.load import Builtin

MAX_CHARACTERS = 126
"""As many tokens as fit into 128 positions with two special tokens."""
ENTITIES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
LABELS = ("O", *(f"{part}-{kind}" for part in "BI" for kind in sorted(ENTITIES.values())))
_COMPOUND_SURNAMES = frozenset(
    [
        "上官",
        "东方",
        "令狐",
        "公孙",
        "南宫",
        "司徒",
        "司马",
        "夏侯",
        "宇文",
        "尉迟",
        "慕容",
        "欧阳",
        "皇甫",
        "端木",
        "诸葛",
    ]
)


def join_persons(words: Iterable[Word]) -> list[Word]:
    """Join the surname and given name of each person into one word.

    In a run of adjacent nr words, from left to right, a surname (one character, or a compound surname) takes the next
    word as its given name: 李 鹏 邹 家华 are two persons, and so are 潘 福东 振华, the second without a surname. A run
    of exactly surname, surname, given name is one person, a married woman (陈 方 安生). Of the 19,487 runs in the
    corpus 4,866 are one word, 14,277 are two, and 344 are more.
    """
    joined: list[Word] = []
    for person, run in groupby(words, key=lambda word: word[1] == "nr"):
        joined += [(name, "nr") for name in _names([word for word, _ in run])] if person else run
    return joined


def _names(run: list[str]) -> Iterator[str]:
    if [len(word) for word in run] == [1, 1, 2]:
        yield "".join(run)
        return
    words = iter(run)
    for word in words:
        surname = len(word) == 1 or word in _COMPOUND_SURNAMES
        yield word + next(words, "") if surname else word


def tagged(words: Iterable[Word]) -> Tagged:
    """Return the characters of all words, and their tags."""
    text, tags = [], []
    for word, tag in words:
        kind = ENTITIES.get(tag)
        text.append(word)
        tags += ["O"] * len(word) if kind is None else [f"B-{kind}", *[f"I-{kind}"] * (len(word) - 1)]
    return Tagged("".join(text), tags)


def split_sentences(paragraphs: Iterable[Sequence[Word]]) -> tuple[list[Tagged], Counter[str]]:
    """Return sentences of at most `MAX_CHARACTERS`, and counts of ``long`` ones, their ``cuts``, and ``hard`` cuts."""
    out: list[Tagged] = []
    counts: Counter[str] = Counter()
    for words in paragraphs:
        for sentence in sentences(tagged(join_persons(words))):
            parts, hard = pieces(sentence, MAX_CHARACTERS)
            out += parts
            counts.update(long=len(parts) > 1, cuts=len(parts) - 1, hard=hard)
    return out, counts


def load(file: Path | None = None) -> Builtin:
    """Return columns ``tokens`` and ``label``: the sentences of 80, 10 and 10 % of the paragraphs.

    Paragraphs are assigned to splits before they are split into sentences. Short sentences stay: most are by-lines, so
    they name persons.
    """
    paragraphs, repeated = read_paragraphs(file or corpus_file("builtin:people-daily"))
    parts: dict[str, list[Tagged]] = {}
    counts: Counter[str] = Counter()
    for split, members in split_paragraphs(paragraphs).items():
        parts[split], counted = split_sentences(members)
        counts += counted
    kept = drop_repeats(parts)
    gone = ", ".join(f"{len(parts[split]) - len(kept[split]):,} of {split}" for split in kept)
    remarks = [
        f"{repeated:,} of {len(paragraphs) + repeated:,} paragraphs repeat another: left out before splitting",
        f"sentences that repeat another (one in test counts before one in validation or train): left out {gone}",
        f"{counts['long']:,} sentences of more than {MAX_CHARACTERS} characters: cut at {counts['cuts']:,} places, "
        f"{counts['hard']:,} of them without a comma; every piece is kept",
        "sentences of one or two characters, mostly by-lines: kept",
    ]
    return Builtin({split: _columns(shuffled(rows)) for split, rows in kept.items()}, LABELS, remarks)


def _columns(rows: Sequence[Tagged]) -> dict[str, list[list[Any]]]:
    ids = {label: at for at, label in enumerate(LABELS)}
    return {"tokens": [list(text) for text, _ in rows], "label": [[ids[tag] for tag in tags] for _, tags in rows]}
