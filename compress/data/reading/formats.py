"""CSV, JSON Lines and Parquet -> rows that know the line they stand on.

They are not read by `load_dataset`, which forgets the line, and takes a text that reads ``NA`` for a missing one.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.data.reading.table import Table


def read_csv(file: Path, where: str) -> Table:
    """Comma-separated, the columns' names in the first line; a quoted text may run over several lines.

    Raises:
        BadInput: no UTF-8, a quotation mark that does not close, or a row longer or shorter than the first line.
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
        raise BadInput(f"{where}, line {begins}: is no CSV ({error})") from error
    header = records[0] if records else []
    for record, line in zip(records, lines, strict=True):
        if len(record) != len(header):
            raise BadInput(f"{where}, line {line}: has {len(record)} fields, the first line {len(header)}")
    columns = {name: [record[at] for record in records[1:]] for at, name in enumerate(header)}
    return Table(where, columns, lambda row: f"line {lines[row + 1]}", {})


def read_json(file: Path, where: str) -> Table:
    """JSON Lines, one object a line; or one list of objects.

    Raises:
        BadInput: no UTF-8, no JSON, or a row that is no object.
    """
    text = _text(file, where)
    if text.lstrip().startswith("["):
        rows = _json(text, where, 1)
        return _of_objects(where, rows, "row {} (from 0)".format)
    # Not `splitlines`: it also breaks at characters that stand in texts, such as U+2028.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    rows = [_json(line, where, number) for number, line in lines]
    return _of_objects(where, rows, lambda row: f"line {lines[row][0]}")


def read_parquet(file: Path, where: str) -> Table:
    """Parquet; the classes that `datasets` notes in the schema are kept.

    Raises:
        BadInput: it is none.
    """
    import pyarrow.parquet
    from datasets import Dataset

    try:
        table = Dataset(pyarrow.parquet.read_table(file))
    except (OSError, ValueError, NotImplementedError) as error:
        raise BadInput(f"{where}: is no Parquet file of plain columns ({first_line(error)})") from error
    return Table.of_dataset(where, table, "row {} (from 0)")


READERS: dict[str, Callable[[Path, str], Table]] = {
    ".csv": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".parquet": read_parquet,
}
"""Suffix -> reader of (file, what a complaint calls it)."""


def _text(file: Path, where: str) -> str:
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{where}, line {line}: is not UTF-8; legal: UTF-8") from error


def _json(text: str, where: str, first: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        line, said = first, str(error)
        if isinstance(error, json.JSONDecodeError):
            line, said = first + error.lineno - 1, f"{error.msg}, column {error.colno}"
        raise BadInput(f"{where}, line {line}: is not JSON ({said})") from error


def _of_objects(where: str, rows: list[Any], place: Callable[[int], str]) -> Table:
    for row, found in enumerate(rows):
        if not isinstance(found, dict):
            raise BadInput(f"{where}, {place(row)}: holds {json.dumps(found)[:40]}; legal: one object per row")
    names = dict.fromkeys(name for found in rows for name in found)
    return Table(where, {name: [found.get(name) for found in rows] for name in names}, place, {})
