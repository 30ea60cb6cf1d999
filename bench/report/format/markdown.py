"""Tables and folds in GitHub's Markdown; GitLab reads the same."""

from collections.abc import Sequence
from datetime import UTC, datetime


def text(value: str) -> str:
    """Somebody else's text, safe in a line or a cell: no tag, no cell border and no line break in it takes effect."""
    return " ".join(value.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").split())


def code(value: str) -> str:
    """A name in code font, safe in a cell; one that code font cannot carry is left in plain font."""
    name = " ".join(value.split())
    if not name or "`" in name or "|" in name:
        return text(name)
    return f"`{name}`"


def quoted(value: str) -> str:
    """Somebody's text as code, where nobody is called by an ``@``, nothing is linked and no image is loaded."""
    return code(value.replace("`", "'").replace("|", "¦"))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A table whose first `words` columns hold words (left) and the others numbers (right, never wrapped).

    Columns that hold nothing but empty cells are left out; a single empty cell becomes a dash.
    """
    # imported late: the pytest plugin imports this package in every session
    from tabulate import tabulate

    kept = [i for i in range(len(headers)) if i < words or any(row[i] for row in rows)]
    body = [[_cell(row[i], number=i >= words) for i in kept] for row in rows]
    # "pipe" is the github format plus the alignment row, which GitHub and GitLab both honour
    return str(
        tabulate(
            body,
            headers=[headers[i] for i in kept],
            tablefmt="pipe",
            disable_numparse=True,
            colalign=["left" if i < words else "right" for i in kept] if body else None,
        )
    )


def fold(summary: str, *blocks: str) -> str:
    """A closed <details>; the blank lines make the Markdown inside it render. `summary` is HTML."""
    inside = "\n\n".join(block for block in blocks if block)
    return f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _cell(value: str, *, number: bool) -> str:
    if not value:
        return "–"
    return value.replace(" ", "\N{NO-BREAK SPACE}") if number else value


def moment(created: str) -> str:
    """An ISO 8601 time to the minute, in UTC; as it stands if it is none."""
    try:
        return f"{datetime.fromisoformat(created).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text(created)
