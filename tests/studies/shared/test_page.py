from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from studies.shared.page import PAGE, fill_blocks, in_points, markdown_table
from tests.support import REPO


def test_a_block_goes_where_its_name_stands_and_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# a\n\n<!-- one -->\nold\n<!-- end of one -->\n\n<!-- two -->\n<!-- end of two -->\nb\n")
    fill_blocks(page, {"one": "| x |", "two": "y"})
    expected = "# a\n\n<!-- one -->\n| x |\n<!-- end of one -->\n\n<!-- two -->\ny\n<!-- end of two -->\nb\n"
    assert page.read_text() == expected
    fill_blocks(page, {"one": "| x |"})
    assert page.read_text() == expected
    with pytest.raises(BadInput, match=r"page\.md: has no block 'three'; add the lines <!-- three --> and"):
        fill_blocks(page, {"one": "z", "three": "z"})
    assert page.read_text() == expected


def test_the_page_has_every_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((REPO / PAGE).read_text(encoding="utf-8"), encoding="utf-8")
    fill_blocks(page, dict.fromkeys(("machine", "chain", "precisions", "answers", "roofline", "seconds", "graph"), "x"))


def test_cells_are_shown_as_they_are() -> None:
    assert markdown_table(["a", "b"], [["1.50", "2e3"]]).splitlines()[-1] == "| 1.50 | 2e3 |"


def test_a_change_in_percentage_points() -> None:
    change = in_points(0.012, -0.004, 0.02)
    assert change == "+1.20 (-0.40 to +2.00)"
    last = markdown_table(["a", "b", "c"], [[change, "-8 to 7", "int8-32"]]).splitlines()[-1]
    assert last == "| +1.20 (−0.40 to +2.00) | −8 to 7 | int8-32 |"
