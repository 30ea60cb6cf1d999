"""Tables inside a page of docs/, between ``<!-- name -->`` and ``<!-- end of name -->``."""

from pathlib import Path

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write

PAGE = Path("docs/runtimes.md")


def fill(page: Path, blocks: dict[str, str]) -> None:
    """Put each block where its name stands in `page`.

    Raises:
        BadInput: the page has no such place.
    """
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise BadInput(f"{page}: no place for {name!r}; legal: {begin.strip()} … {end}")
        text = f"{before}{begin}{block}\n{end}{after}"
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
