"""Text files as UTF-8, and the likely encoding of those that are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pocketbert.compress.base.errors import BadInput

_SAMPLE = 1 << 16
"""Bytes of a file that its encoding is guessed from."""
_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_LEAD_BYTES = {"GBK": [(0xA1, 0xA3), (0xB0, 0xD7)], "BIG5": [(0xA1, 0xC6)]}
"""Encoding -> the first bytes of its punctuation and most frequent characters (GB 2312 and Big5, level 1)."""
_CLEAR = 0.7
"""Share of frequent characters among all characters from which a guess is told."""


@contextmanager
def opened(file: Path, where: str, newline: str) -> Iterator[TextIO]:
    """Open a text file as UTF-8, with or without byte order mark; `newline` as `open` takes it.

    Raises:
        BadInput: the file is not UTF-8, also if that shows only while it is read.
    """
    with file.open("rb") as raw:
        if likely := _wide(raw.read(_SAMPLE), zeros=0.2):  # UTF-16 of ASCII is UTF-8, too
            raise BadInput(f"{where}: is not UTF-8, probably {likely}; {_convert(file, likely)}")
    try:
        with file.open(encoding="utf-8-sig", newline=newline) as text:
            yield text
    except UnicodeDecodeError as error:
        raise _not_utf8(file, where) from error


def _not_utf8(file: Path, where: str) -> BadInput:
    line = 0
    with file.open("rb") as raw:
        likely = _wide(raw.read(_SAMPLE), zeros=0.01)
        raw.seek(0)
        for number, content in enumerate(raw, start=1):
            try:
                content.decode()
            except UnicodeDecodeError as error:
                line = number
                likely = likely or likely_encoding(content[error.start :] + raw.read(_SAMPLE))
                break
    guess = f", probably {likely}" if likely else ""
    return BadInput(f"{where}, line {line}: is not UTF-8{guess}; {_convert(file, likely)}")


def _convert(file: Path, likely: str | None) -> str:
    return f"save the file as UTF-8, such as by: iconv -f {likely or 'ENCODING'} -t UTF-8 {file.name}"


def _wide(sample: bytes, zeros: float) -> str | None:
    """Return the name of an encoding with two or four bytes per character; None if it is not one of them.

    Args:
        zeros: share of bytes from which zeros are those of such an encoding: its letters and digits have one each, all
            of them first bytes or all second bytes.
    """
    for mark, name in _BOMS.items():
        if sample.startswith(mark):
            return name
    found, odd = sample.count(0), sample[1::2].count(0)
    if not found or found < zeros * len(sample) or 20 * min(odd, found - odd) > found:
        return None
    return "UTF-16LE" if 2 * odd > found else "UTF-16BE"


def likely_encoding(sample: bytes) -> str | None:
    """Return the likely encoding, `GBK` or `BIG5`, of a text that is not UTF-8; None if neither is likely."""
    shares = {name: _frequent(sample, spans) for name, spans in _LEAD_BYTES.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _CLEAR else None


def _frequent(sample: bytes, spans: list[tuple[int, int]]) -> float:
    """Return the share of frequent characters among the characters of two bytes."""
    at, frequent, total = 0, 0, 0
    while at < len(sample) - 1:
        if sample[at] < 0x80:
            at += 1
            continue
        total += 1
        frequent += any(low <= sample[at] <= high for low, high in spans)
        at += 2
    return frequent / total if total else 0.0
