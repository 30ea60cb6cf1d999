"""Artifacts by their SHA-256, so that what a baseline was cut from can be run again beside a candidate.

The folder is a cache: CI may carry it from run to run, and anybody may delete it.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from compress.manifest import digest, files_of

FOLDER = Path("artifacts/.store")
LIMIT = 4 * 2**30
"""Bytes that are kept; beyond them, what was not asked for longest goes first."""


class Store:
    """Objects are files or folders named by the SHA-256 of what is in them (`compress.manifest.digest`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, source: Path) -> None:
        """Keep `source`; a link where the file system can, else a copy.

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
                _link_or_copy(file, place)
            temporary.rename(target)
        except OSError:
            _remove(temporary)

    def find(self, sha256: str) -> Path | None:
        """The object, if it is there and still has that digest."""
        path = self._folder / sha256
        if not path.exists() or digest(path) != sha256:
            return None
        with suppress(OSError):  # a read-only store serves as well
            os.utime(path)
        return path

    def prune(self, limit: int = LIMIT) -> None:
        """Remove what was not asked for longest until at most `limit` bytes are left."""
        if not self._folder.is_dir():
            return
        newest_first = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        kept = 0
        for path in newest_first:
            kept += sum(file.stat().st_size for _, file in files_of(path))
            if kept > limit:
                _remove(path)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
