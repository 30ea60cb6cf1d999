"""Readers of CSV, JSON Lines and Parquet that know the line of each row.

`load_dataset` forgets the line, and reads the text ``NA`` as a missing one.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.reading.table import Table


def read_csv(file: Path, where: str) -> Table:
    """Read comma-separated values; the first line names the columns, a quoted text may span several lines.

    Raises:
        BadInput: the file is not UTF-8, a quotation mark is not closed, or a row has more or fewer fields than line 1.
    """
    reader = csv.reader(io.StringIO(_text(file, where), newline=""), strict=True)
    records: list[list[str]] = []
    lines: list[int] = []
    begins = 1
    try:
        for record in reader:
            if record:
                records.append(record)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(
            f"{where}, line {begins}: is not valid CSV; close every quotation mark, and double those inside a text"
        ) from error
    header = records[0] if records else []
    for record, line in zip(records, lines, strict=True):
        if len(record) != len(header):
            raise BadInput(
                f"{where}, line {line}: has {len(record)} fields, but the first line has {len(header)}; "
                "put texts that contain commas in quotation marks"
            )
    columns = {name: [record[at] for record in records[1:]] for at, name in enumerate(header)}
    return Table(where, columns, lambda row: f"line {lines[row + 1]}")


def read_json(file: Path, where: str) -> Table:
    """Read JSON Lines, one object per line, or one JSON list of objects.

    Raises:
        BadInput: the file is not UTF-8 or not JSON, or a row is not an object.
    """
    text = _text(file, where)
    if text.lstrip().startswith("["):
        return _of_objects(where, _json(text, where, 1), "row {} (from 0)".format)
    # Not `splitlines`: that also breaks at characters that occur in texts, such as U+2028.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    rows = [_json(line, where, number) for number, line in lines]
    return _of_objects(where, rows, lambda row: f"line {lines[row][0]}")


def read_parquet(file: Path, where: str) -> Table:
    """Read Parquet; the class names that `datasets` stores in the schema are kept.

    Raises:
        BadInput: the file is not Parquet, or has columns that `datasets` cannot read.
    """
    import pyarrow.parquet
    from datasets import Dataset

    try:
        table = Dataset(pyarrow.parquet.read_table(file))
    except (OSError, ValueError, NotImplementedError) as error:
        raise BadInput(
            f"{where}: is not a Parquet file with plain columns; write it with datasets or pandas"
        ) from error
    return Table.of_dataset(where, table)


READERS: dict[str, Callable[[Path, str], Table]] = {
    ".csv": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".parquet": read_parquet,
}
"""Suffix -> reader of (file, its name in error messages)."""


def _text(file: Path, where: str) -> str:
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{where}, line {line}: is not UTF-8; save the file as UTF-8") from error


def _json(text: str, where: str, first: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        line, column = first, ""
        if isinstance(error, json.JSONDecodeError):
            line, column = first + error.lineno - 1, f", column {error.colno}"
        raise BadInput(f"{where}, line {line}{column}: is not valid JSON; expected: one JSON object per row") from error


def _of_objects(where: str, rows: list[Any], place: Callable[[int], str]) -> Table:
    for row, found in enumerate(rows):
        if not isinstance(found, dict):
            shown = json.dumps(found)[:40]
            raise BadInput(f"{where}, {place(row)}: holds {shown}; expected: one JSON object per row")
    names = dict.fromkeys(name for found in rows for name in found)
    return Table(where, {name: [found.get(name) for found in rows] for name in names}, place)
