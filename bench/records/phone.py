"""Figures from a real device, out of a few lines of JSON or a `.csv` that its owner wrote (docs/phone.md)."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pocketbert.bench.records.results import MIX, OnPhone, Results
from pocketbert.compress.base.errors import BadInput

_LEGAL = ", ".join(OnPhone.model_fields)


def join(results: Results, path: Path) -> Results:
    """The results with the figures of that file; they replace what was known of the same devices.

    Raises:
        BadInput: the file, a line of it, or an artifact that it speaks of cannot be used.
    """
    figures = [_checked(entry, where, results) for where, entry in _entries(path)]
    if not figures:
        raise BadInput(f"{path}: no figures in it")
    devices = {figure.device for figure in figures}
    kept = [figure for figure in results.phone if figure.device not in devices]
    return results.model_copy(update={"phone": [*kept, *figures]})


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where it stands, and what it says, of every figure."""
    try:
        content = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before their text
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise BadInput(f"{path}: {why}; legal: a .csv or .json file with figures from a device") from error
    if path.suffix == ".csv":
        for row in (reader := csv.DictReader(content.splitlines())):
            if None in row:
                raise BadInput(f"{path}:{reader.line_num}: more cells than there are columns")
            yield f"{path}:{reader.line_num}", {name.strip(): cell.strip() for name, cell in row.items() if cell}
    elif path.suffix == ".json":
        yield from _listed(path, content)
    else:
        raise BadInput(f"{path}: suffix {path.suffix!r}; legal: .csv, .json")


def _listed(path: Path, content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """``{"device": …, "figures": [{…}, …]}``; what stands beside the figures holds for each of them."""
    try:
        value = json.loads(content)
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error})") from error
    figures = value.pop("figures", None) if isinstance(value, dict) else None
    if not isinstance(figures, list) or not all(isinstance(figure, dict) for figure in figures):
        raise BadInput(f'{path}: legal: {{"device": "…", "figures": [{{"artifact": "…", …}}, …]}}')
    for number, figure in enumerate(figures):
        yield f"{path}: figures[{number}]", {**value, **figure}


def _checked(entry: dict[str, Any], where: str, results: Results) -> OnPhone:
    entry["length"] = str(entry.get("length", ""))
    try:
        figure = OnPhone.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        hint = f"; legal: {_LEGAL}" if first["type"] in ("extra_forbidden", "missing") else ""
        raise BadInput(f"{where}: {name}: {first['msg']}{hint}") from error
    if figure.length != MIX and not (figure.length.isdigit() and int(figure.length)):
        raise BadInput(f"{where}: length {figure.length!r}; legal: a number of tokens, or {MIX!r}")
    known = {artifact.id: artifact for artifact in results.artifacts}
    if figure.artifact not in known:
        raise BadInput(f"{where}: artifact {figure.artifact!r}; these results have {', '.join(known)}")
    weighed = known[figure.artifact].sha256
    if figure.sha256 and figure.sha256 != weighed:
        raise BadInput(f"{where}: {figure.artifact} of SHA-256 {figure.sha256[:12]}…, weighed was {weighed[:12]}…")
    return figure
