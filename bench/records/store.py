"""Artifacts by their SHA-256, so that what a baseline was cut from can be run again beside a candidate.

The folder is a cache: CI may carry it from run to run, and anybody may delete it.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from pocketbert.compress.base.files import digest, files_of

LIMIT = 4 * 2**30
"""Bytes that are kept; beyond them, what was not asked for longest goes first."""


class Store:
    """Files or folders named by the SHA-256 of their content (`pocketbert.compress.base.files.digest`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source: Path) -> None:
        """Keep a copy of `source`.

        A store that cannot be written to keeps nothing: the next run has less to compare with, this one is unharmed.
        """
        sha256 = digest(source)
        if self.find(sha256):
            return
        target = self._folder / sha256
        temporary = self._folder / f".{sha256}.{os.getpid()}.tmp"
        try:
            _remove(target)  # there, but no longer what its name says
            for name, file in files_of(source):
                place = temporary if source.is_file() else temporary / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            temporary.rename(target)
        except OSError:
            _remove(temporary)

    def find(self, sha256: str) -> Path | None:
        """The object, if it is there and still has that digest."""
        path = self._folder / sha256
        try:
            if not path.exists() or digest(path) != sha256:
                return None
        except OSError:  # another run replaces it just now, or it may not be read
            return None
        with suppress(OSError):  # a read-only store serves as well
            os.utime(path)
        return path

    def prune(self, limit: int = LIMIT) -> None:
        """Remove what was not asked for longest until at most `limit` bytes are left."""
        found: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                with suppress(OSError):  # another run removes things as well
                    size = sum(file.stat().st_size for _, file in files_of(path))
                    found.append((path.stat().st_mtime, size, path))
        kept = 0
        for _, size, path in sorted(found, reverse=True):
            if kept + size > limit:
                _remove(path)
            else:
                kept += size


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
