"""Readers of CSV, JSON Lines and Parquet that know the line of each row.

`load_dataset` forgets the line, and reads the text ``NA`` as a missing one.
"""

import csv
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.encodings import opened
from pocketbert.compress.data.reading.table import Table

_LONGEST_FIELD = 2**31 - 1
"""Characters of a field; the module csv allows 131,072 by itself."""


class _Twice(ValueError):
    """An object of JSON has a key twice; the message is the key."""


def read_csv(file: Path, where: str) -> Table:
    """Read comma-separated values; the first line names the columns, a quoted text may span several lines.

    Raises:
        BadInput: the file is not UTF-8, a quotation mark is not closed, two columns have one name, or a row has more or
            fewer fields than line 1.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    header: list[str] = []
    columns: list[list[str]] = []
    lines, begins = array("Q"), 1
    with opened(file, where, newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            for record in reader:
                if record and not header:
                    _check_separator(f"{where}, line {begins}", record)
                    check_column_names(f"{where}, line {begins}", record)
                    header, columns = record, [[] for _ in record]
                elif record:
                    _check_length(f"{where}, line {begins}", record, header)
                    _check_quotes(where, begins, reader.line_num, record)
                    for column, value in zip(columns, record, strict=True):
                        column.append(value)
                    lines.append(begins)
                begins = reader.line_num + 1
        except csv.Error as error:
            raise BadInput(
                f"{where}, line {begins}: is not valid CSV; close every quotation mark, and double those inside a text"
            ) from error
    return Table(where, dict(zip(header, columns, strict=True)), lambda row: f"line {lines[row]}")


def read_json(file: Path, where: str) -> Table:
    """Read JSON Lines, one object per line, or one JSON list of objects.

    Raises:
        BadInput: the file is not UTF-8 or not JSON, a row is not an object, or has a key twice.
    """
    # Not the default newline: that also breaks lines at a carriage return inside a text.
    with opened(file, where, newline="\n") as text:
        first = next((line for line in text if line.strip()), "")
        text.seek(0)
        if first.lstrip().startswith("["):
            found = _json(text.read(), where, 1)
            rows = found if isinstance(found, list) else [found]
            return _of_objects(where, enumerate(rows), "row {} (from 0)".format)
        numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
        return _of_objects(
            where, ((number, _json(line.rstrip(), where, number)) for number, line in numbered), "line {}".format
        )


def read_parquet(file: Path, where: str) -> Table:
    """Read Parquet; the class names that `datasets` stores in the schema are kept.

    Raises:
        BadInput: the file is not Parquet, two columns have one name, or `datasets` cannot read a column.
    """
    import pyarrow.parquet
    from datasets import Dataset

    check_parquet_columns(file, where)
    with _parquet(where):
        table = Dataset(pyarrow.parquet.read_table(file))
    return Table.of_dataset(where, table)


def check_parquet_columns(file: Path, where: str) -> None:
    """Raise `BadInput` if the file is not Parquet, or two of its columns have one name."""
    import pyarrow.parquet

    with _parquet(where):
        names = pyarrow.parquet.read_schema(file).names
    check_column_names(where, names)


@contextmanager
def _parquet(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, NotImplementedError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"{where}: is not a Parquet file with plain columns; write it with datasets or pandas"
        ) from error


READERS: dict[str, Callable[[Path, str], Table]] = {
    ".csv": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".parquet": read_parquet,
}
"""Suffix -> reader of (file, its name in error messages)."""


def check_column_names(where: str, names: Sequence[str]) -> None:
    """Raise `BadInput` if two columns have one name, or names that differ by blanks alone; nameless ones may repeat."""
    seen: dict[str, int] = {}
    for at, name in enumerate(names, start=1):
        if (key := name.strip()) and key in seen:
            raise BadInput(
                f"{where}: columns {seen[key]} and {at} are both called {key!r}; rename or remove one of them"
            )
        seen[key] = at


def _check_separator(where: str, header: Sequence[str]) -> None:
    """Raise `BadInput` if the columns are separated by something else than commas."""
    for separator, name in (("\t", "tabs"), (";", "semicolons")):
        if len(header) == 1 and separator in header[0]:
            raise BadInput(f"{where}: the columns are separated by {name}; save the file with commas, or as .jsonl")


def _check_length(where: str, record: Sequence[str], header: Sequence[str]) -> None:
    if len(record) != len(header):
        raise BadInput(
            f"{where}: has {len(record)} fields, but the first line has {len(header)}; "
            "put texts that contain commas in quotation marks"
        )


def _check_quotes(where: str, first: int, last: int, record: Sequence[str]) -> None:
    """Raise `BadInput` if a row has swallowed others: its text is at least two lines that are rows themselves."""
    for text in record if len(record) > 1 else ():  # in a file of one column every line looks like a row
        swallowed = text.splitlines()[:-1] if last > first else []
        if len(swallowed) > 1 and all(len(row) == len(record) for row in csv.reader(swallowed, quoting=csv.QUOTE_NONE)):
            raise BadInput(
                f"{where}, line {first}: the quotation mark is closed in line {last} only, and the lines between look "
                "like rows; close it, and double marks inside a text; write texts of several such lines as .jsonl"
            )


def _json(text: str, where: str, first: int) -> Any:
    """Parse JSON; `first` is the line of the file on which the text begins."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _Twice as twice:
        place = "" if "\n" in text.strip() else f", line {first}"
        raise BadInput(f"{where}{place}: an object has the key {str(twice)!r} twice; keep one of them") from twice
    except RecursionError as error:
        raise BadInput(
            f"{where}, line {first}: is nested too deeply; expected: one flat JSON object per row"
        ) from error
    except json.JSONDecodeError as error:
        line, column = first + error.lineno - 1, error.colno
        raise BadInput(
            f"{where}, line {line}, column {column}: is not valid JSON; expected: one JSON object per row"
        ) from error
    except ValueError as error:
        raise BadInput(f"{where}, line {first}: holds a number with too many digits; write it as text") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


def _of_objects(where: str, rows: Iterable[tuple[int, Any]], place: Callable[[int], str]) -> Table:
    """Make a table of (number, object); `place` names a row by its number."""
    columns: dict[str, list[Any]] = {}
    numbers = array("Q")
    for number, found in rows:
        if not isinstance(found, dict):
            shown = json.dumps(found)[:40]
            raise BadInput(f"{where}, {place(number)}: holds {shown}; expected: one JSON object per row")
        for name, value in found.items():
            if name not in columns:
                columns[name] = [None] * len(numbers)
            columns[name].append(value)
        numbers.append(number)
        for column in columns.values():
            if len(column) < len(numbers):
                column.append(None)
    return Table(where, columns, lambda row: place(numbers[row]))
