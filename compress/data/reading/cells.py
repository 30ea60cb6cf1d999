"""Checks of single columns (texts, tokens, labels, tags), and label names -> class ids."""

import re
from collections.abc import Sequence

from pocketbert.compress.data.reading.labels import meant_by
from pocketbert.compress.data.reading.table import Table


def check_texts(table: Table, column: str, values: Sequence[object]) -> list[str]:
    """Return the texts of a column.

    Raises:
        BadInput: a value is missing, blank or not a text, or all values are numbers (probably the wrong column).
    """
    texts: list[str] = []
    for row, value in enumerate(values):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise table.row_error(row, f"no text in column {column!r}")
        if not isinstance(value, str):
            raise table.row_error(row, f"column {column!r} holds {_shown(value)}; expected: text")
        if not is_unicode(value):
            raise table.row_error(row, f"column {column!r} holds half of a character: {_shown(value)}")
        texts.append(value)
    if all(_is_number(text) for text in texts):
        raise table.row_error(0, f"column {column!r} holds {_shown(texts[0])}, and only numbers below; expected: text")
    return texts


def check_token_column(table: Table, column: str, values: Sequence[object]) -> list[list[str]]:
    """Return the tokens of each row of a column.

    Raises:
        BadInput: a row is not a list or is an empty list, or a token is blank or not a text.
    """
    out: list[list[str]] = []
    for row, value in enumerate(values):
        if value is None or value == []:
            raise table.row_error(row, f"no tokens in column {column!r}")
        if not isinstance(value, list):
            raise table.row_error(row, f"column {column!r} holds {_shown(value)}; expected: a list of strings")
        for at, token in enumerate(value):
            if not isinstance(token, str):
                raise table.row_error(row, f"token {at} in column {column!r} is {_shown(token)}; expected: text")
            if not is_unicode(token):
                raise table.row_error(row, f"token {at} in column {column!r} is half of a character: {_shown(token)}")
            if not token.strip():
                raise table.row_error(row, f"token {at} in column {column!r} is empty")
        out.append(value)
    return out


def is_unicode(text: str) -> bool:
    """Return False for a text with lone surrogates: JSON can escape half of an emoji, but no encoding can write it."""
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


def label_texts(table: Table, column: str, values: Sequence[object]) -> list[list[str]]:
    """Return the label of each row as a string, in a list of one (as `tag_texts` returns lists).

    Raises:
        BadInput: a label is missing, or is not a string, a whole number or a class of the source.
    """
    out = []
    for row, value in enumerate(values):
        whole = isinstance(value, int) and column not in table.classes
        label = str(value) if whole else _as_text(table, column, value)
        if label is None:
            expected = _expected(table, column, "a string or a whole number")
            raise table.row_error(row, f"column {column!r} holds {_shown(value)}; expected: {expected}")
        out.append([label])
    return out


def tag_texts(table: Table, column: str, values: Sequence[object], tokens: Sequence[object]) -> list[list[str]]:
    """Return the tags of each row as strings, one per token.

    Raises:
        BadInput: a row has more or fewer tags than tokens, or a tag is neither a string nor a class of the source.
    """
    out = []
    for row, (value, words) in enumerate(zip(values, tokens, strict=True)):
        if not isinstance(value, list) or not isinstance(words, list):
            raise table.row_error(
                row, f"column {column!r} holds {_shown(value)}; expected: a list with a tag for every token"
            )
        if len(value) != len(words):
            raise table.row_error(row, f"{len(value)} tags in column {column!r} for {len(words)} tokens")
        tags = [_as_text(table, column, tag) for tag in value]
        if None in tags:
            at = tags.index(None)
            expected = _expected(table, column, "a string, or a number if task.labels names the tags in order")
            raise table.row_error(row, f"tag {at} in column {column!r} is {_shown(value[at])}; expected: {expected}")
        out.append([tag for tag in tags if tag is not None])
    return out


def label_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the distinct labels in order: whole numbers by value, others as text, ``O`` (no entity) first."""
    distinct = {label for row in rows for label in row}
    if all(re.fullmatch(r"-?\d+", label) for label in distinct):
        return sorted(distinct, key=lambda label: (int(label), label))
    return sorted(distinct, key=lambda label: (label != "O", label))


def class_ids(table: Table, column: str, rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[int]]:
    """Return the index of each label in `names`.

    Raises:
        BadInput: `names`, the labels of train, do not include a label.
    """
    ids = {name: at for at, name in enumerate(names)}
    out = []
    for row, labels in enumerate(rows):
        if unknown := [label for label in labels if label not in ids]:
            expected = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
            meant = meant_by(unknown[0], names)
            raise table.row_error(
                row, f"{unknown[0]!r} in column {column!r} is not in train; expected: {expected}{meant}"
            )
        out.append([ids[label] for label in labels])
    return out


def _as_text(table: Table, column: str, value: object) -> str | None:
    """Return a class id as the class's name and a string as it is; None for anything else."""
    classes = table.classes.get(column)
    if classes is not None and isinstance(value, int):
        # A test split with secret labels has -1 in every row.
        return classes[value] if 0 <= value < len(classes) else None
    return value if isinstance(value, str) and value.strip() and is_unicode(value) else None


def _expected(table: Table, column: str, otherwise: str) -> str:
    classes = table.classes.get(column)
    return otherwise if classes is None else f"0 to {len(classes) - 1} ({', '.join(classes)})"
