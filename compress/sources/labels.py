"""Labels and tags: read as strings, named by train, counted by their place among those names."""

import re
from collections.abc import Sequence

from compress.sources.table import Table
from compress.sources.texts import is_unicode


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
