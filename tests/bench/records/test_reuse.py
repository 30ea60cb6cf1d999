"""Figures are found again under the same parts, and only whole ones."""

import os
from pathlib import Path

from pocketbert.bench.records.results import Size
from pocketbert.bench.records.reuse import keep, place, prune, recall, usage

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


def test_thirty_rounds_leave_no_more_than_the_limit(tmp_path: Path) -> None:
    one = place(tmp_path, "0")
    for number in range(30):
        keep(place(tmp_path, str(number)), SIZE)
        assert recall(one, Size) == SIZE  # what is used stays
        prune(tmp_path, limit=400)
        assert usage(tmp_path).bytes <= 400
    assert usage(tmp_path).entries > 1


def test_figures_have_an_age_limit(tmp_path: Path) -> None:
    keep(place(tmp_path, "old"), SIZE)
    os.utime(place(tmp_path, "old"), (1, 1))
    keep(place(tmp_path, "new"), SIZE)
    prune(tmp_path)
    assert usage(tmp_path).entries == 1
    assert recall(place(tmp_path, "new"), Size) == SIZE
