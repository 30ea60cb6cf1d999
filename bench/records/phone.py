"""Reads figures from a real device, from a ``.json`` or ``.csv`` file of the user (docs/phone.md)."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pocketbert.bench.records.results import MIX, OnPhone, Results
from pocketbert.compress.base.errors import BadInput, nearest
from pocketbert.compress.base.explain import explain
from pocketbert.compress.base.paths import DOCUMENT, check_file

_TOKENS = re.compile("0*[1-9][0-9]{0,8}")


def join(results: Results, path: Path) -> Results:
    """Return the results with the figures of that file; they replace earlier figures of the same devices.

    Raises:
        BadInput: the file or a line cannot be read, or an artifact is not in the results.
    """
    figures = [_checked(entry, where, results) for where, entry in _entries(path)]
    if not figures:
        raise BadInput(f"{path}: no figures; expected one line per artifact and length (docs/phone.md)")
    devices = {figure.device for figure in figures}
    kept = [figure for figure in results.phone if figure.device not in devices]
    return results.model_copy(update={"phone": [*kept, *figures]})


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file and line, fields) of every figure."""
    check_file(path, DOCUMENT)
    try:
        content = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise BadInput(f"{path}: {why}; expected a .csv or .json file with figures from a device") from error
    if path.suffix == ".csv":
        reader = csv.DictReader(content.splitlines(), delimiter=(delimiter := _delimiter(content)))
        try:
            for row in reader:
                if None in row:
                    raise BadInput(f"{path}:{reader.line_num}: more cells than columns")
                cells = {name.strip(): cell.strip() for name, cell in row.items() if cell}
                if delimiter != ",":
                    cells = {name: _point(cell) for name, cell in cells.items()}
                yield f"{path}:{reader.line_num}", cells
        except csv.Error as error:  # a cell of more than 131,072 characters
            raise BadInput(f"{path}:{reader.line_num + 1}: not CSV ({error})") from error
    elif path.suffix == ".json":
        yield from _listed(path, content)
    else:
        raise BadInput(f"{path}: suffix {path.suffix!r}; expected .csv or .json")


def _point(cell: str) -> str:
    """Return a number with a decimal comma with a point; any other cell as it is."""
    return cell.replace(",", ".") if re.fullmatch(r"\d+,\d+", cell) else cell


def _delimiter(content: str) -> str:
    """Return what separates the cells: spreadsheets of some languages write semicolons or tabs."""
    header = content.partition("\n")[0]
    return max(",;\t", key=header.count)


def _listed(path: Path, content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read ``{"device": …, "figures": [{…}, …]}``; the keys beside ``figures`` apply to each figure."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON") from error
    figures = value.pop("figures", None) if isinstance(value, dict) else None
    if not isinstance(figures, list) or not all(isinstance(figure, dict) for figure in figures):
        raise BadInput(
            f'{path}: no list of figures; expected {{"device": "…", "figures": [{{"artifact": "…", …}}, …]}}'
        )
    for number, figure in enumerate(figures):
        yield f"{path}: figures[{number}]", {**value, **figure}


def _checked(entry: dict[str, Any], where: str, results: Results) -> OnPhone:
    entry["length"] = str(entry.get("length", ""))
    try:
        figure = OnPhone.model_validate(entry)
    except ValidationError as error:
        raise BadInput(f"{where}: {explain(error, OnPhone)}") from error
    if figure.length != MIX and not _TOKENS.fullmatch(figure.length):
        raise BadInput(f"{where}: length {figure.length!r}; expected a number of tokens, or {MIX!r}")
    known = {artifact.id: artifact for artifact in results.artifacts}
    if figure.artifact not in known:
        raise BadInput(f"{where}: unknown artifact {figure.artifact!r}{nearest(figure.artifact, known)}")
    measured = known[figure.artifact].sha256
    if figure.sha256 and figure.sha256.lower() != measured:
        raise BadInput(
            f"{where}: {figure.artifact} has SHA-256 {figure.sha256[:12]}… on the device, but {measured[:12]}… here; "
            "measure the same file on both"
        )
    return figure
