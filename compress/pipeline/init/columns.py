"""Which columns of a table hold texts, labels or tags, and so which kind of task it is for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pocketbert.compress.base.errors import BadInput, listed
from pocketbert.compress.data.reading.table import Table

_LABELS = (
    "label",
    "labels",
    "target",
    "class",
    "category",
    "sentiment",
    "stance",
    "intent",
    "y",
    "标签",
    "类别",
    "情感",
)
_TEXTS = ("text", "sentence", "review", "content", "comment", "sms", "query", "title", "文本", "内容", "评论", "句子")
_PAIRS = (
    ("text", "text_pair"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("query", "passage"),
    ("query", "title"),
    ("句子1", "句子2"),
)
_TOKENS = ("tokens", "words", "chars", "characters", "text", "sentence")
_TAGS = ("ner_tags", "tags", "labels", "label", "ner", "bio")
_NO_TEXT = ("id", "idx", "index", "guid", "uid", "qid", "编号")
_ROWS = 2000
"""Rows that are looked at, evenly spaced."""
_MOST_LABELS = 500


class Columns(NamedTuple):
    """The kind of a task, and key of ``[task]`` -> name of the column."""

    kind: str
    names: dict[str, str]


def find_columns(table: Table) -> Columns:
    """Find the columns by their names and values.

    Raises:
        BadInput: there is no column of labels or of texts, or several and none with a usual name.
    """
    found = {name: sample for name, values in table.columns.items() if (sample := _sample(values))}
    if tagging := _tagging(found):
        return Columns("tagging", tagging)
    labels = [name for name, values in found.items() if name in table.classes or _are_labels(values)]
    label = _one(table, "labels", labels, _LABELS)
    texts = [name for name, values in found.items() if name != label and _are_texts(name, values)]
    lower = {name.lower(): name for name in texts}
    for first, second in _PAIRS:
        if first in lower and second in lower:
            return Columns("matching", {"text": lower[first], "text_pair": lower[second], "label": label})
    return Columns("classification", {"text": _one(table, "texts", texts, _TEXTS), "label": label})


def _sample(values: Sequence[object]) -> list[Any]:
    """Return values of evenly spaced rows; the first rows of a file that is sorted by label have one label."""
    step = max(1, len(values) // _ROWS)
    return [values[row] for row in range(0, len(values), step)]


def _one(table: Table, what: str, names: Sequence[str], usual: Sequence[str]) -> str:
    """Return the only name, or the one with the most usual name."""
    known = sorted((name for name in names if name.lower() in usual), key=lambda name: usual.index(name.lower()))
    if known or len(names) == 1:
        return [*known, *names][0]
    if names:
        pair = "; call those of sentence pairs 'text' and 'text_pair'" if what == "texts" and len(names) == 2 else ""
        raise BadInput(
            f"{table.where}: which column holds the {what}? {listed(names)}; call that column {usual[0]!r}{pair}"
        )
    raise BadInput(
        f"{table.where}: no column holds {what}; found: {listed(table.columns)}; call that column {usual[0]!r}"
    )


def _are_labels(values: Sequence[object]) -> bool:
    """Return whether few values occur again and again."""
    if not all(isinstance(value, str | int) for value in values):
        return False
    return 2 <= len(set(values)) <= min(_MOST_LABELS, len(values) // 2)


def _are_texts(name: str, values: Sequence[object]) -> bool:
    texts = {value for value in values if isinstance(value, str)}
    if name.lower() in _NO_TEXT or len(texts) <= len(values) // 50:
        return False
    return not all(text.strip().lstrip("+-").replace(".", "", 1).isdigit() for text in texts)


def _tagging(found: Mapping[str, Sequence[Any]]) -> dict[str, str] | None:
    """Return the columns of tokens and tags: lists of equal lengths, of which the tokens are texts.

    Most rows decide: the build names the others, by file and line.
    """
    lists = {
        name: [value if _is_list(value) else [] for value in values]
        for name, values in found.items()
        if _most(map(_is_list, values))
    }
    tokens = [name for name, values in lists.items() if all(isinstance(word, str) for row in values for word in row)]
    words = min(tokens, key=lambda name: _usual(name, _TOKENS, lists[name]), default=None)
    if words is None:
        return None
    same = [name for name, rows in lists.items() if name != words and _same_lengths(rows, lists[words])]
    tags = min(same, key=lambda name: (_usual(name, _TAGS, lists[name])[0], len(_distinct(lists[name]))), default=None)
    return {"tokens": words, "label": tags} if tags else None


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str | int) for each in value)


def _usual(name: str, usual: Sequence[str], rows: Sequence[Any]) -> tuple[int, int]:
    """Return a key that sorts a usual name, then many distinct values, first."""
    rank = usual.index(name.lower()) if name.lower() in usual else len(usual)
    return rank, -len(_distinct(rows))


def _distinct(rows: Sequence[Any]) -> set[Any]:
    return {each for row in rows for each in row}


def _same_lengths(rows: Sequence[Any], others: Sequence[Any]) -> bool:
    return _most(len(row) == len(other) for row, other in zip(rows, others, strict=True))


def _most(answers: Iterable[bool]) -> bool:
    given = list(answers)
    return sum(given) > len(given) / 2
