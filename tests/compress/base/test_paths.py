"""Paths that must not be opened."""

import os
import socket
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.base.paths import check_file, exists


def test_files_and_folders_and_nothing_pass(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for path in (tmp_path, tmp_path / "file", tmp_path / "link"):
        check_file(path, largest=1)
        assert exists(path)
    check_file(tmp_path / "missing")
    assert not exists(tmp_path / "missing") and not exists(tmp_path / "file/below")


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("xx")
    with pytest.raises(BadInput, match="has 2 bytes; allowed: 1"):
        check_file(tmp_path / "file", largest=1)


def odd(folder: Path, name: str) -> Path:
    path = folder / name
    if name == "fifo":
        os.mkfifo(path)
    elif name == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    elif name == "device":
        path.symlink_to("/dev/zero")
    elif name == "loop":
        path.symlink_to(path)
    elif name == "giant":
        with path.open("wb") as file:
            file.truncate(2**40)
    return path


ODD = {
    "fifo": "is a named pipe; use a regular file",
    "socket": "is a socket; use a regular file",
    "device": "is a device; use a regular file",
    "loop": "cannot be read",
    "giant": "has 1,099,511,627,776 bytes, of which 0 are on the disk",
    "a" * 5000: "cannot be read",
    "zero\0byte": "cannot be a path",
    "half\ud800": "cannot be a path",
}


@pytest.mark.parametrize("name", ODD, ids=lambda name: ascii(name[:12]))
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path, name: str) -> None:
    path = odd(tmp_path, name)
    with pytest.raises(BadInput, match=ODD[name]):
        check_file(path)
    if name in ("fifo", "device", "giant", "loop"):
        with pytest.raises(BadInput):  # in a folder as well, where nobody named it
            digest(tmp_path)
