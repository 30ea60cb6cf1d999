"""GitHub-flavoured Markdown: escaping, tables, lists and folds. GitLab renders the same."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def text(value: str) -> str:
    """Escape foreign text for a line or a cell: no tag, cell border or line break in it takes effect."""
    return " ".join(value.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").split())


def code(value: str) -> str:
    """Format a name as code that is safe in a cell; a name with a backtick or a bar stays in plain font."""
    name = " ".join(value.split())
    if not name or "`" in name or "|" in name:
        return text(name)
    return f"`{name}`"


def quoted(value: str) -> str:
    """Format foreign text as code: an ``@`` notifies nobody, no link is made and no image is loaded."""
    return code(value.replace("`", "'").replace("|", "¦"))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Write a table; without rows, nothing.

    The first `words` columns hold words (aligned left), the others numbers (aligned right, never wrapped). Columns with
    only empty cells are left out; a single empty cell becomes a dash.
    """
    # imported late: the pytest plugin imports this package in every session
    from tabulate import tabulate

    if not rows:
        return ""
    kept = [i for i in range(len(headers)) if i < words or any(row[i] for row in rows)]
    # "pipe" is the github format plus the alignment row, which GitHub and GitLab both honour
    return str(
        tabulate(
            [[_cell(row[i], number=i >= words) for i in kept] for row in rows],
            headers=[headers[i] for i in kept],
            tablefmt="pipe",
            disable_numparse=True,
            colalign=["left" if i < words else "right" for i in kept],
        )
    )


def bullets(lines: Iterable[str]) -> str:
    """Write a tight list of the lines that are not empty."""
    return "\n".join(f"- {line}" for line in lines if line)


def paragraphs(*blocks: str) -> str:
    """Join the blocks that are not empty by blank lines."""
    return "\n\n".join(filter(None, blocks))


def fold(summary: str, content: str, *, intro: str = "", note: str = "") -> str:
    """Write a closed <details> of `content` between `intro` and `note`; without content, nothing.

    `summary` is HTML. The blank lines make the Markdown inside render.
    """
    inside = paragraphs(intro, content, note)
    return f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>" if content else ""


def _cell(value: str, *, number: bool) -> str:
    if not value:
        return "–"
    return value.replace(" ", "\N{NO-BREAK SPACE}") if number else value


def moment(created: str) -> str:
    """Format an ISO 8601 time to the minute, in UTC; any other text is escaped only."""
    try:
        return f"{datetime.fromisoformat(created).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text(created)
