"""A store of artifacts by SHA-256, from which the files of a baseline can be run again.

The folder is a cache: CI may keep it between runs, and it may be deleted at any time.
"""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest, files_of
from pocketbert.compress.base.folders import lru
from pocketbert.compress.base.folders.leftovers import sweep, temporary_folder

LIMIT = 4 * 2**30
"""Largest total size, bytes; the least recently used objects are removed first."""
MAX_AGE_S = 180 * lru.DAY_S
"""Objects that were not used for longer are removed, seconds."""
_PUT = ".put-"


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
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            sweep(_PUT, self._folder)
            with temporary_folder(_PUT, self._folder) as temporary:
                copy = temporary / sha256
                files = list(files_of(source))
                for name, file in files:
                    place = copy if source.is_file() and len(files) == 1 else copy / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, place)
                lru.remove(target)  # its content is no longer what the name says
                copy.rename(target)

    def find(self, sha256: str) -> Path | None:
        """Return the path of the object; None if it is missing or has another digest by now."""
        path = self._folder / sha256
        try:
            if not path.exists() or digest(path) != sha256:
                return None
        except (OSError, BadInput):  # another run is replacing it, or it is not readable, or no file at all
            return None
        with suppress(OSError):  # a read-only store works as well
            os.utime(path)
        return path

    def usage(self) -> lru.Usage:
        """Return what the objects take."""
        return lru.usage(self._folder)

    def prune(self, limit: int = LIMIT, max_age: float = MAX_AGE_S, keep: Collection[str] = ()) -> None:
        """Remove the least recently used objects until at most `limit` bytes are left, and those older than `max_age`.

        Args:
            max_age: seconds since the last use.
            keep: the digests that stay, whatever their size and age: those of the baselines
                (`pocketbert.bench.records.pins.protected`). They count towards the limit.
        """
        sweep(_PUT, self._folder)
        lru.prune(self._folder, limit, max_age, keep)
