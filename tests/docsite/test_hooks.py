"""Parts are filled in, and links are right on the page that shows them."""

import pytest

from docsite.hooks import ENGLISH, INCLUDED, announced, filled, mended
from tests.support import REPO


@pytest.mark.parametrize(
    ("source", "page", "link", "expected"),
    [
        ("docs/ci.md", "docs/ci.md", "[a](tutorial.md#5-the-first-gate)", "[a](tutorial.md#5-the-first-gate)"),
        ("docs/example/README.md", "docs/example/README.md", "[a](../ci.md)", "[a](../ci.md)"),
        ("README.zh.md", "docs/index.zh.md", "[a](docs/install.zh.md)", "[a](install.md)"),
        ("README.md", "docs/index.md", "![a](docs/images/b.svg)", "![a](images/b.svg)"),
        ("README.md", "docs/index.md", "[![a](docs/images/b.svg)](docs/ci.md)", "[![a](images/b.svg)](ci.md)"),
        ("README.md", "docs/index.md", "[![a](docs/images/b.svg)](reports/c.md)", "![a](images/b.svg)"),
        ("docs/on-the-phone.md", "docs/on-the-phone.md", "[README](../README.md)", "[README](index.md)"),
        ("docs/ci.md", "docs/ci.md", "[`x`](../.github/workflows/gate.yml)", "`x`"),
        ("docs/ci.md", "docs/ci.md", "[a](https://example.org/b.md)", "[a](https://example.org/b.md)"),
        ("docs/ci.md", "docs/ci.md", "```\n[a](../c.py)\n```", "```\n[a](../c.py)\n```"),
    ],
)
def test_links(source: str, page: str, link: str, expected: str) -> None:
    assert mended(link, source, page, "") == expected


def test_a_link_to_a_file_of_the_repository() -> None:
    said = mended("[r](../reports/offline.md#size)", "docs/install.md", "docs/install.md", "https://example.org/p")
    assert said == "[r](https://example.org/p/blob/main/reports/offline.md#size)"


@pytest.mark.parametrize("source", INCLUDED)
def test_an_included_file_has_no_link_that_leads_nowhere(source: str) -> None:
    page = INCLUDED[source]
    assert (REPO / page).read_text(encoding="utf-8") == f"<!-- include: {source} -->\n"
    shown = filled(f"<!-- include: {source} -->\n", page, "")
    assert len(shown) > 1000
    assert "](docs/" not in shown


def test_generated_parts() -> None:
    shown = filled("# Title\n\n<!-- generate: gate-options -->\n\n[a](ci.md)\n", "docs/pytest.md", "")
    assert "| `--gate-manifest FILE` |" in shown
    assert shown.endswith("[a](ci.md)\n")


def test_every_page_without_a_translation_is_announced_in_chinese() -> None:
    pages = {path.relative_to(REPO / "docs").as_posix() for path in (REPO / "docs").rglob("*.md")}
    untranslated = {page for page in pages if ".zh." not in page and page.replace(".md", ".zh.md") not in pages}
    assert set(ENGLISH) == untranslated


def test_the_announcement_stands_under_the_title() -> None:
    shown = announced("# In CI\n\nText\n\n# not a title\n", "ci.md")
    assert shown == f'# In CI\n\n!!! note "本页只有英文"\n    {ENGLISH["ci.md"]}\n\nText\n\n# not a title\n'
    assert announced("# 安装\n", "install.zh.md") == "# 安装\n"
