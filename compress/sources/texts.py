"""What a column of texts, and a column of tokens, may hold."""

from collections.abc import Sequence

from compress.sources.table import Table


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


def check_tokens(table: Table, column: str, values: Sequence[object]) -> list[list[str]]:
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
