"""Temporary folders that do not outlive their process for long: the next run removes those of killed processes.

The owner of a folder holds a lock on a file inside it. The system releases the lock when the process dies, however it
dies; unlike a process id, the lock is also right between containers that share a folder.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "pocketbert-"
_OWNER = ".owner"


@contextmanager
def temporary_folder(prefix: str = PREFIX, parent: Path | None = None) -> Iterator[Path]:
    """Yield a new folder whose name begins with `prefix`; remove it when the block ends.

    Args:
        parent: an existing folder; None: the system's folder for temporary files.

    Raises:
        OSError: the folder cannot be made.
    """
    folder, lock = _owned(prefix, parent)
    try:
        yield folder
    finally:
        with suppress(OSError):  # it is gone already
            _remove(folder)
        lock.release()


def sweep(prefix: str = PREFIX, parent: Path | None = None) -> None:
    """Remove the folders of `temporary_folder` with these arguments whose process has died.

    Folders of other users, links, and folders without an owner's file stay.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0  # Windows: st_uid is 0
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        # A folder that goes away meanwhile was removed by its owner or by another sweep.
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != user or not (folder / _OWNER).is_file():
                continue
            with suppress(Timeout), FileLock(folder / _OWNER, timeout=0):
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, the owner's file last: if this process is killed meanwhile, a sweep still finds the rest."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _OWNER:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _owned(prefix: str, parent: Path | None) -> tuple[Path, FileLock]:
    """Make a folder and lock it; a sweep may remove the folder before it is locked, then make another one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / _OWNER, timeout=0)
        with suppress(Timeout):
            lock.acquire()
            if (folder / _OWNER).is_file():
                return folder, lock
            lock.release()
