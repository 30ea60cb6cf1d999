"""Checks of a path before it is opened: no pipe, device or endless link, and no file that is larger than it can be."""

import os
import stat
from pathlib import Path

from pocketbert.compress.base.errors import BadInput

DOCUMENT = 256 * 2**20
"""Largest document that is read into memory as a whole (a recipe, a manifest, a baseline, results), bytes."""
_SPARSE = 2**30  # bytes; smaller files are read in no time, stored or not
_KINDS = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))


def exists(path: Path) -> bool:
    """Return whether there is a file or folder at `path`.

    Raises:
        BadInput: no path is written so, or its links have no end.
    """
    return _status(path) is not None


def check_file(path: Path, largest: int | None = None) -> None:
    """Check that `path`, if it exists, is a file or folder that can be read to its end; nothing is opened.

    Args:
        largest: of a file, bytes.

    Raises:
        BadInput: it is a pipe, a device or a sparse file, or cannot be a path.
    """
    found = _status(path)
    if found is None or stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "a device")
        raise BadInput(f"{path}: is {kind}; use a regular file")
    stored = found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size
    if largest is not None and found.st_size > largest:
        raise BadInput(f"{path}: has {found.st_size:,} bytes; allowed: {largest:,}")
    if found.st_size > _SPARSE and stored < found.st_size // 2:
        raise BadInput(
            f"{path}: has {found.st_size:,} bytes, of which {stored:,} are on the disk (a sparse file); "
            "use a complete file"
        )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # a zero byte, or half of a character
        raise BadInput(f"{path}: cannot be a path; a path has no zero bytes and no halves of characters") from error
