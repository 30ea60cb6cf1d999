"""Labels as they are written: missing ones, ones that differ by their writing alone, and numbers for names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table

_MISSING = frozenset(
    ["", "nan", "none", "null", "nil", "na", "n/a", "#n/a", "<na>", "undefined", "missing", "-", "--", "–", "—", "?"]
)
"""What programs and people write for a label that is not there, as `folded` returns it."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors, and fillers that are no blanks to Unicode."""
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)


def folded(label: str) -> str:
    """Return one text for all labels that differ by blanks, invisible characters, case, width or number form alone."""
    text = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", label).casefold()
        if not (letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf") or _INVISIBLE.match(letter))
    )
    return repr(float(text)) if _NUMBER.fullmatch(text) and len(text) < 16 else text


def check_labels(table: Table, column: str, rows: Sequence[Sequence[str]], named: Collection[str]) -> None:
    """Check that every label is one, and that no two of them differ by their writing alone.

    Args:
        rows: the labels of each row.
        named: `task.labels`: these are labels, however they are written.

    Raises:
        BadInput: the first row with such a label, and the label that was probably meant.
    """
    if column in table.classes:
        return
    counts = Counter(chain.from_iterable(rows))
    usual: dict[str, str] = {}
    for label, _ in counts.most_common():
        key = folded(label)
        if key in _MISSING and label not in named:
            problem = (
                "stands for a missing label; remove the row or move it to unlabelled; if it is a label, list all "
                "labels in task.labels"
            )
            raise _error(table, rows, label, f"{label!r} in column {column!r} {problem}")
        meant = usual.setdefault(key, label)
        if meant != label and not {meant, label} <= set(named):
            problem = (
                f"differs from {meant!r} by blanks, case, width or number form alone, did you mean {meant!r}? Write "
                "both alike, or list both in task.labels"
            )
            raise _error(table, rows, label, f"{label!r} in column {column!r} {problem}")


def meant_by(label: str, names: Iterable[str]) -> str:
    """Return ``, did you mean …?`` for the name that differs from the label by its writing alone, else nothing."""
    found = [name for name in names if folded(name) == folded(label)]
    return f", did you mean {found[0]!r}?" if found else ""


def check_types(table: Table, column: str, values: Sequence[object]) -> None:
    """Raise `BadInput` if some labels of a column are texts and others numbers or truth values."""
    kinds: dict[type, int] = {}
    for row, value in enumerate(values):
        kinds.setdefault(type(value), row)
    first, *others = [row for kind, row in kinds.items() if kind in (str, int, bool)] or [0]
    if others and column not in table.classes:
        raise table.row_error(
            others[0],
            f"column {column!r} holds {values[others[0]]!r}, and {values[first]!r} in {table.place(first)}; write all "
            "labels as texts or all as whole numbers",
        )


def numbers_as_names(table: Table, column: str, labels: Sequence[str]) -> Table:
    """Return the table with `task.labels` as its classes if its labels are numbers and `task.labels` are names."""
    if not labels or column in table.classes or any(_WHOLE.fullmatch(label) for label in labels):
        return table
    rows = [_as_numbers(value) for value in table.values(column)]
    if not rows or any(row is None for row in rows):
        return table
    return replace(table, columns={**table.columns, column: rows}, classes={**table.classes, column: labels})


def numbers_remark(column: str, labels: Sequence[str]) -> str:
    """Describe how `numbers_as_names` reads a column."""
    shown = ", ".join(f"{number} is {name!r}" for number, name in enumerate(labels[:4]))
    more = ", …" if len(labels) > 4 else ""
    return f"the numbers in column {column!r} are indices into task.labels: {shown}{more}"


def _as_numbers(value: object) -> object:
    """Return a whole number, a text of digits or a list of them as numbers; None for anything else."""
    if isinstance(value, list):
        numbers = [_as_numbers(one) for one in value]
        return None if any(not isinstance(number, int) for number in numbers) else numbers
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None


def _error(table: Table, rows: Sequence[Sequence[str]], label: str, problem: str) -> BadInput:
    return table.row_error(next(row for row, labels in enumerate(rows) if label in labels), problem)
