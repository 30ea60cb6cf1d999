"""GitHub-flavoured Markdown: escaping, tables, lists and folds. GitLab renders the same.

Every text that comes from a file goes through `text`, `code`, `quoted` or `fence`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from html import unescape

from pocketbert.compress.base.errors import printable

_ACTIVE = re.compile(
    r"""[&<>|*`~\\$\#]                 # tags, cells, emphasis, code, formulas, headings
    |^\[|\](?=[(\[\]:]|$)            # links and images
    |(?<![^\W_])_|_(?![^\W_])        # emphasis begins or ends at the border of a word
    |:(?=//)|(?<=www)\.              # addresses become links by themselves
    |^[-+=]|^\d+[.)](?=\s|$)         # lists and underlines begin a line""",
    re.VERBOSE | re.IGNORECASE,
)
_REFERENCE = {"@": "＠", "#": "＃"}
"""A platform looks for references in the finished page, where a reference that is escaped looks like any other."""
_LONGEST = 1000  # characters of one foreign text


def text(value: str) -> str:
    """Escape foreign text for a line, a cell or a tag's content: nothing in it takes effect, nobody is notified."""
    line = re.sub(r"@|#(?=\d)", lambda found: _REFERENCE[found[0]], _line(value))
    return _ACTIVE.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", line)


def plain(line: str) -> str:
    """Return a line of our Markdown as the text that a reader of the page sees."""
    return unescape(re.sub(r"\*\*|`", "", line))


def code(value: str) -> str:
    """Format a name as code that is safe in a cell; a name with a backtick or a bar stays in plain font."""
    name = _line(value)
    if not name or "`" in name or "|" in name:
        return text(name)
    return f"`{name}`"


def quoted(value: str) -> str:
    """Format foreign text as code: an ``@`` notifies nobody, no link is made and no image is loaded."""
    return code(value.replace("`", "'").replace("|", "¦"))


def fence(lines: Iterable[str], language: str) -> str:
    """Write a block of code; the fence is longer than any run of backticks inside."""
    inside = [line for each in lines if (line := printable(each).strip())]
    if not inside:
        return ""
    marks = "`" * (1 + max((len(run) for line in inside for run in re.findall("`+", line)), default=2))
    return "\n".join([f"{marks}{language}", *inside, marks])


def _line(value: str) -> str:
    """Return one printable line, shortened if it is very long."""
    line = " ".join(printable(value).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1, once: Collection[str] = ()) -> str:
    """Write a table; without rows, nothing.

    The first `words` columns hold words (aligned left), the others numbers (aligned right, never wrapped). Columns with
    only empty cells are left out; a single empty cell becomes a dash. A column of `once` that has the same value in
    every row is left out, too: the value stands in a line below the table.
    """
    # imported late: the pytest plugin imports this package in every session
    from tabulate import tabulate

    if not rows:
        return ""
    same = [i for i, header in enumerate(headers) if header in once and _constant([row[i] for row in rows])]
    kept = [i for i in range(len(headers)) if i not in same and (i < words or any(row[i] for row in rows))]
    # "pipe" is the github format plus the alignment row, which GitHub and GitLab both honour
    written = str(
        tabulate(
            [[_cell(row[i], number=i >= words) for i in kept] for row in rows],
            headers=[headers[i] for i in kept],
            tablefmt="pipe",
            disable_numparse=True,
            colalign=["left" if i < words else "right" for i in kept],
        )
    )
    said = "; ".join(f"{headers[i]}: {rows[0][i]}" for i in same)
    return f"{written}\n\nIn every row: {said}." if said else written


def _constant(cells: Sequence[str]) -> bool:
    """Return whether all cells of a column of several rows have the same value."""
    return len(cells) > 1 and len(set(cells)) == 1 and bool(cells[0])


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
