"""Failures of the machine and of libraries: recognised, told in one line, their traceback kept in a file."""

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pocketbert.compress.base.errors import EXTRAS, BadInput, CheckFailed, MachineFailed, first_line, install_hint

ERROR_LOG = Path("pocketbert-error.log")
"""The traceback of a command that has no recipe."""
BUILD_LOG = "build.log"
"""Name of the log in the folder of a build."""
_DISK_FULL = (  # torch, safetensors, tokenizers, numpy and Arrow raise no OSError, or one without a number
    "no space left",
    "os error 28",
    "errno 28",
    "disk quota exceeded",
    "pytorchstreamwriter failed",
    "unexpected pos",  # torch's writer at the end of a file that is too short
    "not enough free space to write",
    "database or disk is full",
    "iostream error",  # a C++ stream of torch that could not write
)
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")  # numpy
_NO_MEMORY = (
    "std::bad_alloc",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "out of memory",
    "_alloc_failed",
)
_USERS_PATH = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
"""Errors of the operating system about a path that the user chose: another path is needed."""


@contextmanager
def failures_logged(log: Path) -> Iterator[None]:
    """Raise what fails in this block as `MachineFailed`, and write its traceback to the end of `log`.

    Raises:
        BadInput: as in the block, a path cannot be used, or a package of an extra is not installed.
        CheckFailed: as in the block.
        MachineFailed: the machine or a library failed.
    """
    try:
        yield
    except (CheckFailed, MachineFailed):
        raise
    except Exception as error:
        told = machine_failure(error)
        if told is None:
            if isinstance(error, BadInput):
                raise
            if isinstance(error, ModuleNotFoundError) and (package := str(error.name).partition(".")[0]) in EXTRAS:
                raise BadInput(f"this needs {package}, which is not installed: {install_hint(package)}") from error
            if isinstance(error, OSError) and error.errno in _USERS_PATH:
                raise BadInput(f"{error.filename or 'a file'}: {error.strerror}") from error
            told = f"failed unexpectedly: {first_line(error)}"
        raise MachineFailed(f"{told} ({_keep_traceback(error, log)})") from error


def machine_failure(error: BaseException) -> str | None:
    """Describe a full disk or exhausted memory in one line; None if `error` and its causes are neither."""
    for each in _chain(error):
        text = "" if isinstance(each, BadInput) else str(each).lower()
        number = getattr(each, "errno", None)
        full = any(sign in text for sign in _DISK_FULL) or _CUT_SHORT.search(text)
        if full or number in (errno.ENOSPC, errno.EDQUOT):
            where = getattr(each, "filename", None)
            return f"the disk is full{f' at {where}' if where else ''}; free some space and run the command again"
        if isinstance(each, MemoryError) or number == errno.ENOMEM or any(sign in text for sign in _NO_MEMORY):
            if any(sign in text for sign in ("cuda", "cublas", "cudnn", "hip ")):
                return "the GPU is out of memory; free the GPU, or lower batch_size in the recipe"
            return "the machine is out of memory; end other programs, or lower batch_size or max_length in the recipe"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it was raised from or while handling, and the members of groups."""
    left, seen = [error], set[int]()
    while left:
        each = left.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            members = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
            left += [more for more in (each.__context__, each.__cause__, *members) if more]


def _keep_traceback(error: BaseException, log: Path) -> str:
    """Append the traceback to `log`; returns where it is."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} failed\n")
            stream.writelines(traceback.format_exception(error))
    except OSError:
        return f"the traceback could not be written to {log}"
    return f"traceback: {log}"
