"""Figures are found again under the same parts, and only whole ones."""

from pathlib import Path

from pocketbert.bench.records.results import Size
from pocketbert.bench.records.reuse import keep, place, recall

SIZE = Size(bytes=10, deflated_bytes=5, parts={"head": 3})


def test_a_figure_is_found_under_the_same_parts_alone(tmp_path: Path) -> None:
    assert recall(place(tmp_path, "size", "a"), Size) is None
    keep(place(tmp_path, "size", "a"), SIZE)
    assert recall(place(tmp_path, "size", "a"), Size) == SIZE
    for other in (("size", "b"), ("size",), ("a", "size"), ("sizea",), ("size", "a", "")):
        assert recall(place(tmp_path, *other), Size) is None, other


def test_a_figure_that_cannot_be_read_is_taken_again(tmp_path: Path) -> None:
    path = place(tmp_path, "size")
    keep(path, SIZE)
    path.write_text(path.read_text()[:-3])
    assert recall(path, Size) is None
    path.write_text('{"bytes": 3}')  # of another version
    assert recall(path, Size) is None


def test_a_folder_that_takes_nothing_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = place(tmp_path / "file", "size")
    keep(path, SIZE)
    assert recall(path, Size) is None
