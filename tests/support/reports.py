"""A report's Markdown, taken apart: first screen, folds, rows of tables."""

import re


def unfolded(markdown: str) -> str:
    """Return what is visible while every fold is closed."""
    return re.sub(r"<details>.*?</details>", "", markdown, flags=re.DOTALL)


def fold_of(markdown: str, summary: str) -> str:
    """Return the fold with these words in it, with plain spaces."""
    folds: list[str] = re.findall(r"<details>.*?</details>", plain(markdown), flags=re.DOTALL)
    return next(fold for fold in folds if summary in fold)


def first_lines(markdown: str, count: int = 3) -> list[str]:
    """Return the first lines below the title, without empty ones."""
    return [line for line in markdown.splitlines() if line][1 : count + 1]


def rows_of(markdown: str, first: str) -> list[list[str]]:
    """Return the cells after the first of every row that begins with the cell `first`."""
    rows = [line.strip("|").split("|") for line in plain(markdown).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [row[1:] for row in cells if row[0] == first]


def plain(markdown: str) -> str:
    """Return the Markdown with plain spaces for no-break spaces."""
    return markdown.replace("\N{NO-BREAK SPACE}", " ")


def check_tables(markdown: str) -> int:
    """Check that all rows of a table have as many cells, and that blank lines are around it; return the count."""
    blocks = [block.splitlines() for block in markdown.split("\n\n") if block.lstrip().startswith("|")]
    for rows in blocks:
        assert len({row.count("|") for row in rows}) == 1, rows[0]
        assert re.fullmatch(r"(\|:?-+:?)+\|", rows[1])
    assert sum(map(len, blocks)) == sum(line.startswith("|") for line in markdown.splitlines())
    return len(blocks)
