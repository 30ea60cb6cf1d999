"""Locks: one per machine, because concurrent benchmarks disturb each other, and one per folder, against builds."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.folders.leftovers import sweep

_FOLDER = Path("/tmp")  # not TMPDIR, which differs from job to job  # noqa: S108
LOCK = (_FOLDER if _FOLDER.is_dir() else Path(tempfile.gettempdir())) / "pocketbert-gate.lock"


@contextmanager
def machine_lock(console: Console) -> Iterator[None]:
    """Hold the machine's lock; wait for another run that holds it, and say so. A killed run releases its lock.

    The temporary folders of killed runs are removed.

    If the lock file cannot be opened (it is another user's in a sticky folder, or the folder is read-only), the run
    continues without a lock.
    """
    lock = FileLock(LOCK, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.print(f"another run of pocketbert is timing on this machine; waiting for it ({LOCK})", soft_wrap=True)
        lock.acquire(poll_interval=1)
    except OSError as error:
        console.print(f"{LOCK}: {error.strerror}: another user's run would spoil this one", soft_wrap=True)
    try:
        sweep()
        yield
    finally:
        lock.release()


@contextmanager
def no_build_in(folder: Path) -> Iterator[None]:
    """Keep builds from changing the artifacts in `folder`; several gate runs may hold this lock together.

    It is the lock file that a build leaves next to the folder, locked for reading. Without that file, or where it
    cannot be opened, only the digests tell that an artifact changed.

    Raises:
        BadInput: a build is working in the folder.
    """
    folder = folder.absolute()
    try:
        lock = os.open(folder.parent / f".{folder.name}.lock", os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput(f"{folder}: a build is working there; run the gate when it has ended") from None
        yield
    finally:
        os.close(lock)
