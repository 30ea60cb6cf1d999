"""Hooks of MkDocs: fill in parts of pages, mend links that leave their folder, announce English pages in Chinese.

A page asks for a part by a comment on a line of its own: ``<!-- generate: recipe en -->``, or
``<!-- include: CONTRIBUTING.md -->`` for a file of the repository.
"""

import re
import sys
import tomllib
from collections.abc import Callable
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath
from typing import Any

REPO = Path(__file__).parents[1]
ENGLISH: dict[str, str] = tomllib.loads(Path(__file__).with_name("english.zh.toml").read_text(encoding="utf-8"))
"""Page that exists in English alone -> what it is about, in Chinese."""
_ASKED = re.compile(r"^<!-- (generate|include): (.+?) -->$", flags=re.MULTILINE)
_LINK = re.compile(r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?!https?://|#)(?P<to>[^)\s#]+)(?P<at>#[^)\s]*)?\)")
INCLUDED = {
    "README.md": "docs/index.md",
    "README.zh.md": "docs/index.zh.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "CHANGELOG.md": "docs/changelog.md",
}
"""File of the repository -> the page that shows it."""


def on_startup(**_: Any) -> None:
    """Let MkDocs, which loads this file by its path, import the modules beside it."""
    sys.path.insert(0, str(REPO))


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the page's Markdown with its parts filled in and its links mended."""
    text = filled(markdown, f"docs/{page.file.src_uri}", config.repo_url or "")
    return announced(text, page.file.src_uri) if config.theme["language"] == "zh" else text


def on_post_page(output: str, *, config: Any, **_: Any) -> str:
    """Name the dialog of the search for screen readers, which the theme leaves without a name."""
    return _with_named_search(output, config)


def on_post_template(output_content: str, *, config: Any, **_: Any) -> str:
    """Name the dialog of the search on the page of missing addresses, too."""
    return _with_named_search(output_content, config)


def _with_named_search(output: str, config: Any) -> str:
    name = "搜索" if config.theme["language"] == "zh" else "Search"
    return output.replace('component="search" role="dialog"', f'component="search" role="dialog" aria-label="{name}"')


def filled(markdown: str, page: str, repo_url: str) -> str:
    """Fill in the parts that a page asks for.

    Args:
        page: its path in the repository.
        repo_url: of the repository, for links to files that the site does not show; empty: such links become text.
    """
    parts, at = [], 0
    for asked in _ASKED.finditer(markdown):
        parts += [mended(markdown[at : asked.start()], page, page, repo_url), _part(asked[1], asked[2], page, repo_url)]
        at = asked.end()
    return "".join([*parts, mended(markdown[at:], page, page, repo_url)])


def announced(markdown: str, page: str) -> str:
    """Say under the title of an English page in Chinese that it is in English, and what it is about."""
    if page not in ENGLISH:
        return markdown
    note = f'!!! note "本页只有英文"\n    {ENGLISH[page]}'
    return re.sub(r"^(# .*)$", lambda title: f"{title[1]}\n\n{note}", markdown, count=1, flags=re.MULTILINE)


def mended(markdown: str, source: str, page: str, repo_url: str) -> str:
    """Return Markdown of the file `source` with links as the page `page` needs them; code blocks stay as they are."""

    def link(found: re.Match[str]) -> str:
        target, at = normpath(PurePosixPath(source).parent / found["to"]), found["at"] or ""
        text = found["text"] if found["text"].startswith("!") else f"[{_LINK.sub(link, found['text'][1:-1])}]"
        target = INCLUDED.get(target, target)
        if target.startswith("docs/"):
            target = relpath(target.replace(".zh.md", ".md"), PurePosixPath(page).parent)  # each language has its own
            return f"{text}({target}{at})"
        return f"{text}({repo_url}/blob/main/{target}{at})" if repo_url else text.removeprefix("!")[1:-1]

    outside = re.split(r"(^```.*?^```$)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in outside)


def _part(verb: str, what: str, page: str, repo_url: str) -> str:
    if verb == "include":
        lines = (REPO / what).read_text(encoding="utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if "(README." not in line)  # the site has a switch for languages
        return mended(text, what, page, repo_url)
    from docsite import commands, recipe

    makers: dict[str, Callable[..., str]] = {
        "recipe": recipe.page,
        "command-line": commands.command_line,
        "gate-options": commands.gate_options,
    }
    name, *arguments = what.split()
    return makers[name](*arguments)
