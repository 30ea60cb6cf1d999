"""Markdown tables, and blocks of a page of docs/ between ``<!-- name -->`` and ``<!-- end of name -->``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write

PAGE = Path("docs/runtimes.md")
_MINUS = re.compile(r"(?<![^\s(])-(?=\d)")


def fill_blocks(page: Path, blocks: dict[str, str]) -> None:
    """Replace the blocks of these names in `page`.

    Raises:
        BadInput: the page has no block of that name.
    """
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise BadInput(f"{page}: has no block {name!r}; add the lines {begin.strip()} and {end}")
        text = f"{before}{begin}{block}\n{end}{after}"
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table whose cells are shown as they are, but for the minus sign of a number."""
    shown = [[_MINUS.sub("−", str(cell)) for cell in row] for row in rows]
    return str(tabulate(shown, headers=headers, tablefmt="pipe", disable_numparse=True))


def in_points(estimate: float, low: float, high: float) -> str:
    """Return a change of a fraction and its interval in percentage points: ``+1.20 (+0.40 to +2.00)``."""
    return f"{100 * estimate:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
