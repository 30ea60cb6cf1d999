"""Limits of a cache folder: its least recently used entries go first. An entry's time of change is its last use."""

import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

DAY_S = 86_400.0
_REMOVED = ".removed-"


class Usage(NamedTuple):
    """What a cache folder holds."""

    entries: int
    bytes: int
    oldest_s: float  # seconds since the entry that was not used for longest was used; 0 without entries


def usage(folder: Path) -> Usage:
    """Return what the entries of `folder` take."""
    found = _entries(folder).values()
    now = time.time()
    oldest = min((used for used, _ in found), default=now)
    return Usage(len(found), sum(size for _, size in found), max(now - oldest, 0.0))


def prune(folder: Path, limit: int, max_age: float, keep: Collection[str] = (), foreign: Collection[str] = ()) -> None:
    """Remove the least recently used entries until at most `limit` bytes are left, and those older than `max_age`.

    Args:
        max_age: seconds since the last use.
        keep: names of entries that stay, whatever their size and age; they count towards the limit.
        foreign: names of what is no entry of the cache; it stays, and does not count.
    """
    for half in folder.glob(f"{_REMOVED}*"):
        remove(half)
    entries = {path: found for path, found in _entries(folder).items() if path.name not in foreign}
    left = limit - sum(size for path, (_, size) in entries.items() if path.name in keep)
    oldest = time.time() - max_age
    for path, (used, size) in sorted(entries.items(), key=lambda entry: entry[1], reverse=True):
        if path.name in keep:
            continue
        if used < oldest or size > left:
            remove(path)
        else:
            left -= size


def newest(folder: Path) -> set[str]:
    """Return the name of the entry that was used last, in a set; an empty one if there is none."""
    entries = _entries(folder)
    return {max(entries, key=entries.__getitem__).name} if entries else set()


def remove(path: Path) -> None:
    """Remove a file or folder, as far as possible; another process may do the same.

    A folder gets another name first: if the process is killed meanwhile, nobody takes the rest for an entry.
    """
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith(_REMOVED):
                path = path.rename(path.with_name(f"{_REMOVED}{os.getpid()}-{path.name}"))
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _entries(folder: Path) -> dict[Path, tuple[float, int]]:
    """Return each entry with the time of its last use and its bytes."""
    found: dict[Path, tuple[float, int]] = {}
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):  # another process may remove entries, too
                size = sum(each.lstat().st_size for each in (path, *path.rglob("*")) if not each.is_dir())
                found[path] = path.lstat().st_mtime, size
    return found
