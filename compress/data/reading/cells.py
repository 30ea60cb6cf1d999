"""What a column of texts, and a column of tokens, may hold."""

import re
from collections.abc import Sequence

from pocketbert.compress.data.reading.table import Table


def check_texts(table: Table, column: str, values: Sequence[object]) -> list[str]:
    """The texts of a column.

    Raises:
        BadInput: one is missing or blank or no text, or all of them are numbers (another column was meant).
    """
    texts: list[str] = []
    for row, value in enumerate(values):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise table.complaint(row, f"no text in column {column!r}")
        if not isinstance(value, str):
            raise table.complaint(row, f"column {column!r} holds {_shown(value)}; legal: text")
        if not is_unicode(value):
            raise table.complaint(row, f"column {column!r} holds half of a character: {_shown(value)}; legal: Unicode")
        texts.append(value)
    if all(_is_number(text) for text in texts):
        raise table.complaint(0, f"column {column!r} holds {_shown(texts[0])}, and only numbers below; legal: text")
    return texts


def check_token_column(table: Table, column: str, values: Sequence[object]) -> list[list[str]]:
    """The tokens of a column.

    Raises:
        BadInput: a row is no list, or an empty one; a token is no text, or a blank one.
    """
    out: list[list[str]] = []
    for row, value in enumerate(values):
        if value is None or value == []:
            raise table.complaint(row, f"no tokens in column {column!r}")
        if not isinstance(value, list):
            raise table.complaint(row, f"column {column!r} holds {_shown(value)}; legal: a list of strings")
        for at, token in enumerate(value):
            if not isinstance(token, str):
                raise table.complaint(row, f"token {at} in column {column!r} is {_shown(token)}; legal: text")
            if not is_unicode(token):
                raise table.complaint(row, f"token {at} in column {column!r} is half of a character; legal: Unicode")
            if not token.strip():
                raise table.complaint(row, f"token {at} in column {column!r} is empty")
        out.append(value)
    return out


def is_unicode(text: str) -> bool:
    """Whether it is without lone surrogates: JSON may escape half of an emoji, which no encoding can write again."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def spelled_labels(table: Table, column: str, values: Sequence[object]) -> list[list[str]]:
    """One label per row, as a string (in a list, as tags are).

    Raises:
        BadInput: it is missing, or neither a string, a whole number nor a class of the source.
    """
    legal = _legal(table, column, "a string or a whole number")
    out = []
    for row, value in enumerate(values):
        whole = isinstance(value, int) and column not in table.classes
        label = str(value) if whole else _spelled(table, column, value)
        if label is None:
            raise table.complaint(row, f"column {column!r} holds {value!r}; legal: {legal}")
        out.append([label])
    return out


def spelled_tags(table: Table, column: str, values: Sequence[object], tokens: Sequence[object]) -> list[list[str]]:
    """One tag per token, as strings.

    Raises:
        BadInput: there are more or fewer tags than tokens, or one is neither a string nor a class of the source.
    """
    legal = _legal(table, column, "a string")
    out = []
    for row, (value, words) in enumerate(zip(values, tokens, strict=True)):
        if not isinstance(value, list) or not isinstance(words, list):
            raise table.complaint(row, f"column {column!r} holds {value!r}; legal: a list with a tag for every token")
        if len(value) != len(words):
            raise table.complaint(row, f"{len(value)} tags in column {column!r} for {len(words)} tokens")
        tags = [_spelled(table, column, tag) for tag in value]
        if None in tags:
            at = tags.index(None)
            raise table.complaint(row, f"tag {at} in column {column!r} is {value[at]!r}; legal: {legal}")
        out.append([tag for tag in tags if tag is not None])
    return out


def names_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """Every label once: whole numbers by value, anything else by its text, ``O`` (outside of every entity) first."""
    distinct = {label for row in rows for label in row}
    if all(re.fullmatch(r"-?\d+", label) for label in distinct):
        return sorted(distinct, key=lambda label: (int(label), label))
    return sorted(distinct, key=lambda label: (label != "O", label))


def numbered(table: Table, column: str, rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[int]]:
    """Each label's place in `names`.

    Raises:
        BadInput: one is not among them: train does not have it.
    """
    number = {name: at for at, name in enumerate(names)}
    out = []
    for row, labels in enumerate(rows):
        if unknown := [label for label in labels if label not in number]:
            raise table.complaint(
                row, f"{unknown[0]!r} in column {column!r} is not in train; legal: {', '.join(names)}"
            )
        out.append([number[label] for label in labels])
    return out


def _spelled(table: Table, column: str, value: object) -> str | None:
    """A class by its name, a string as it is, None for anything else."""
    classes = table.classes.get(column)
    if classes is not None and isinstance(value, int):
        # A test split whose labels are kept secret has -1 there.
        return classes[value] if 0 <= value < len(classes) else None
    return value if isinstance(value, str) and value.strip() and is_unicode(value) else None


def _legal(table: Table, column: str, otherwise: str) -> str:
    classes = table.classes.get(column)
    return otherwise if classes is None else f"0 to {len(classes) - 1} ({', '.join(classes)})"
