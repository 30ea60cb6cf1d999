"""A store of artifacts by SHA-256, from which the files of a baseline can be run again.

The folder is a cache: CI may keep it between runs, and it may be deleted at any time.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from pocketbert.compress.base.files import digest, files_of

LIMIT = 4 * 2**30
"""Largest total size, bytes; the least recently used objects are removed first."""


class Store:
    """Files and folders named by the SHA-256 of their content (`pocketbert.compress.base.files.digest`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source: Path) -> None:
        """Keep a copy of `source`; a store that cannot be written to keeps nothing and raises nothing."""
        sha256 = digest(source)
        if self.find(sha256):
            return
        target = self._folder / sha256
        temporary = self._folder / f".{sha256}.{os.getpid()}.tmp"
        try:
            _remove(target)  # its content is no longer what the name says
            for name, file in files_of(source):
                place = temporary if source.is_file() else temporary / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            temporary.rename(target)
        except OSError:
            _remove(temporary)

    def find(self, sha256: str) -> Path | None:
        """Return the path of the object; None if it is missing or has another digest by now."""
        path = self._folder / sha256
        try:
            if not path.exists() or digest(path) != sha256:
                return None
        except OSError:  # another run is replacing it, or it is not readable
            return None
        with suppress(OSError):  # a read-only store works as well
            os.utime(path)
        return path

    def prune(self, limit: int = LIMIT) -> None:
        """Remove the least recently used objects until at most `limit` bytes are left."""
        found: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                with suppress(OSError):  # another run may remove objects, too
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
