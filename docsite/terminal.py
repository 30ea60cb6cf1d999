"""`python -m docsite.terminal TITLE DESCRIPTION < RECORDED > PICTURE.svg`: draws what a terminal showed.

`RECORDED` is the output of a command with its colours, such as ``script -qec 'pocketbert build mine' -O RECORDED``
keeps it, without progress bars.
"""

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

from rich.cells import cell_len

_COLUMN, _LINE, _MARGIN = 8.43, 19, 12
_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
_COLOURS = {"31": "#ff7b72", "32": "#3fb950", "33": "#d29922", "36": "#39c5cf"}
_FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace'
_STYLE = f"text {{ font: 14px {_FONTS}; white-space: pre }}"


class Piece(NamedTuple):
    """Text of one style, and the column that it begins in."""

    text: str
    column: int
    colour: str
    bold: bool


def draw(recorded: str, title: str, description: str) -> str:
    """Return the picture of a terminal as SVG, with its text as text."""
    lines = [list(_pieces(line)) for line in recorded.replace("\r", "").rstrip("\n").split("\n")]
    columns = max(piece.column + cell_len(piece.text) for line in lines for piece in line)
    width, height = round(2 * _MARGIN + columns * _COLUMN), 2 * _MARGIN + len(lines) * _LINE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" fill="#e6edf3" xml:space="preserve" aria-labelledby="title desc">'
    )
    about = f'<title id="title">{escape(title)}</title><desc id="desc">{escape(description)}</desc>'
    panel = f'<rect width="{width}" height="{height}" rx="6" fill="#0d1117"/>'
    shown = [_text(piece, number) for number, line in enumerate(lines) for piece in line]
    return "\n  ".join([head, about, f"<style>{_STYLE}</style>", panel, *shown]) + "\n</svg>\n"


def _pieces(line: str) -> Iterator[Piece]:
    """Yield the texts of a line. Wide characters stand alone: not every font makes them two columns wide."""
    column, at, colour, bold = 0, 0, "", False
    for found in [*_SEQUENCE.finditer(line), None]:
        for text in re.findall(r"[\u0000-\u2e7f]+|.", line[at : found.start() if found else len(line)]):
            if text.strip():
                indent = len(text) - len(text.lstrip())
                yield Piece(text.strip(), column + indent, colour, bold)
            column += cell_len(text)
        if found and found[2] == "m":
            for code in found[1].split(";"):
                colour = _COLOURS.get(code, "" if code in ("", "0", "39") else colour)
                bold = code == "1" or (bold and code not in ("", "0", "22"))
        at = found.end() if found else at


def _text(piece: Piece, line: int) -> str:
    style = f' fill="{piece.colour}"' if piece.colour else ""
    style += ' font-weight="bold"' if piece.bold else ""
    x, y = _MARGIN + piece.column * _COLUMN, _MARGIN + 14 + line * _LINE
    width = cell_len(piece.text) * _COLUMN
    return f'<text x="{x:.1f}" y="{y}" textLength="{width:.1f}"{style}>{escape(piece.text)}</text>'


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read(), *sys.argv[1:3]))
