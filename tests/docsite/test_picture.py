"""The pictures of the README show the figures of the committed results."""

from xml.etree import ElementTree

import pytest

from docsite.picture import PICTURES, draw
from pocketbert.bench.records.results import load_results
from tests.support import REPO


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_that_of_the_report(name: str) -> None:
    drawn = draw(load_results(REPO / "reports/offline.json"), PICTURES[name])
    assert (REPO / "docs/images" / name).read_text(encoding="utf-8") == drawn
    root = ElementTree.fromstring(drawn)  # noqa: S314
    assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
    assert len(root.findall("{*}rect")) == 8
