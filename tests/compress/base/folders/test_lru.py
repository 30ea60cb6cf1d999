"""A cache folder keeps what was used last, within a size and an age."""

import os
import time
from pathlib import Path

import pytest

from pocketbert.compress.base.folders.lru import DAY_S, prune, remove, usage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Entries of 100 bytes, used 1 to 4 days ago; b is a folder."""
    (tmp_path / "b").mkdir()
    for days, name in enumerate("abcd", start=1):
        path = tmp_path / name
        (path / "inner" if path.is_dir() else path).write_bytes(b"x" * 100)
        os.utime(path, (time.time() - days * DAY_S,) * 2)
    return tmp_path


def left(folder: Path) -> str:
    return "".join(sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize(
    ("limit", "days", "keep", "remaining"),
    [
        (400, 9, "", "abcd"),
        (399, 9, "", "abc"),
        (250, 9, "", "ab"),
        (0, 9, "", ""),
        (400, 2.5, "", "ab"),
        (200, 9, "d", "ad"),
        (0, 0, "cd", "cd"),
    ],
)
def test_what_was_used_last_stays(folder: Path, limit: int, days: float, keep: str, remaining: str) -> None:
    prune(folder, limit, days * DAY_S, set(keep))
    assert left(folder) == remaining


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.utime(tmp_path / "pipe", (1, 1))
    assert usage(tmp_path).entries == 1
    prune(tmp_path, 400, DAY_S)
    assert left(tmp_path) == ""


def test_usage_counts_entries_bytes_and_the_oldest(folder: Path) -> None:
    found = usage(folder)
    assert (found.entries, found.bytes, round(found.oldest_s / DAY_S)) == (4, 400, 4)
    assert usage(folder / "missing") == (0, 0, 0.0)


def test_what_cannot_be_removed_raises_nothing(tmp_path: Path) -> None:
    prune(tmp_path / "missing", 0, 0)
    remove(tmp_path / "missing")
    (tmp_path / "link").symlink_to(tmp_path)
    remove(tmp_path / "link")
    assert left(tmp_path) == ""
