"""A lock per machine, because two concurrent benchmarks would disturb each other."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

_FOLDER = Path("/tmp")  # not TMPDIR, which differs from job to job  # noqa: S108
LOCK = (_FOLDER if _FOLDER.is_dir() else Path(tempfile.gettempdir())) / "pocketbert-gate.lock"


@contextmanager
def machine_lock(console: Console) -> Iterator[None]:
    """Hold the machine's lock; wait for another run that holds it, and say so. A killed run releases its lock.

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
        yield
    finally:
        lock.release()
