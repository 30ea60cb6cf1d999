from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from studies.shared.page import PAGE, fill
from tests.support import REPO


def test_a_block_goes_where_its_name_stands_and_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# a\n\n<!-- one -->\nold\n<!-- end of one -->\n\n<!-- two -->\n<!-- end of two -->\nb\n")
    fill(page, {"one": "| x |", "two": "y"})
    expected = "# a\n\n<!-- one -->\n| x |\n<!-- end of one -->\n\n<!-- two -->\ny\n<!-- end of two -->\nb\n"
    assert page.read_text() == expected
    fill(page, {"one": "| x |"})
    assert page.read_text() == expected
    with pytest.raises(BadInput, match=r"page\.md: no place for 'three'"):
        fill(page, {"one": "z", "three": "z"})
    assert page.read_text() == expected


def test_the_page_has_every_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((REPO / PAGE).read_text(encoding="utf-8"), encoding="utf-8")
    fill(page, dict.fromkeys(("machine", "chain", "precisions", "answers", "roofline", "seconds", "graph"), "x"))
