"""The pictures of the README show the figures of the committed results."""

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docsite.picture import PICTURES, draw
from pocketbert.bench.records.results import load_results
from tests.support import REPO


def committed(name: str) -> bytes:
    """The committed content of a file: the demo on this machine writes other results into the working tree."""
    if not (REPO / ".git").exists():
        return (REPO / name).read_bytes()
    return subprocess.run(["git", "show", f"HEAD:{name}"], cwd=REPO, capture_output=True, check=True).stdout  # noqa: S607


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_that_of_the_report(name: str, tmp_path: Path) -> None:
    results = tmp_path / "offline.json"
    results.write_bytes(committed("reports/offline.json"))
    drawn = draw(load_results(results), PICTURES[name])
    assert committed(f"docs/images/{name}").decode() == drawn
    root = ElementTree.fromstring(drawn)  # noqa: S314
    assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
    assert len(root.findall("{*}rect")) == 8
