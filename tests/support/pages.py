"""The code blocks and commands of a documentation page."""

import re
import shlex
from pathlib import Path

from tests.support import REPO

EXAMPLE = REPO / "docs/example"
FILES = ("pyproject.toml", "make_models.py", "test_student.py")


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """Each simple command of a block, in words; comments are gone, lines that go on are joined."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while "&&" in words:
            end = words.index("&&")
            found.append(words[:end])
            words = words[end + 1 :]
        if words:
            found.append(words)
    return found


def table_of(printed: str) -> list[list[str]]:
    """The cells of the only Markdown table in what a study printed, without its headers."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
