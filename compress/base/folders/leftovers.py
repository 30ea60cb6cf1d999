"""Temporary folders that do not outlive their process for long: the next run removes those of killed processes.

The owner of a folder holds a lock on a file inside it. The system releases the lock when the process dies, however it
dies; unlike a process id, the lock is also right between containers that share a folder.
"""

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "pocketbert-"
_OWNER = ".owner"
_RANDOM, _MODE = re.compile("[a-z0-9_]{8}"), 0o700
"""How a name ends (older versions used `tempfile.mkdtemp`), and whom the folder lets in."""


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


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, for the steps on the way to it; those of killed processes are removed."""
    sweep(parent=path.parent)
    with temporary_folder(parent=path.parent) as folder:
        yield folder


def sweep(prefix: str = PREFIX, parent: Path | None = None) -> None:
    """Remove the folders of `temporary_folder` with these arguments whose process has died.

    Folders of other users, links, and folders without an owner's file stay, except for empty ones that
    `temporary_folder` made: their process was killed before the owner's file was there, or after it was removed.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0  # Windows: st_uid is 0
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        # A folder that goes away meanwhile was removed by its owner or by another sweep.
        with suppress(OSError):
            status = folder.lstat()
            if folder.is_symlink() or status.st_uid != user:
                continue
            if (folder / _OWNER).is_file():
                with suppress(Timeout), FileLock(folder / _OWNER, timeout=0):
                    _remove(folder)
            elif _RANDOM.fullmatch(folder.name, len(prefix)) and stat.S_IMODE(status.st_mode) == _MODE:
                folder.rmdir()


def _remove(folder: Path) -> None:
    """Remove a folder; Ctrl-C or a signal meanwhile is raised when the folder is gone."""
    try:
        _clear(folder)
    except OSError:
        raise
    except BaseException:
        with suppress(OSError):
            _clear(folder)
        raise


def _clear(folder: Path) -> None:
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
        # The name is known before the folder exists, so a signal amid the making leaves no folder.
        folder = (parent or Path(tempfile.gettempdir())).absolute() / f"{prefix}{secrets.token_hex(4)}"
        lock = FileLock(folder / _OWNER, timeout=0)
        try:
            folder.mkdir(_MODE)
            with suppress(Timeout):
                lock.acquire()
                if (folder / _OWNER).is_file():
                    folder.chmod(_MODE)  # the lock makes the folder again if a sweep removed it
                    return folder, lock
                lock.release()
        except FileExistsError:  # another process has this name
            continue
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
