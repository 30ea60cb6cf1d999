"""One process that times things on a machine: two would time each other."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

_FOLDER = Path("/tmp")  # TMPDIR differs from job to job, and they have to meet  # noqa: S108
LOCK = (_FOLDER if _FOLDER.is_dir() else Path(tempfile.gettempdir())) / "pocketbert-gate.lock"


@contextmanager
def machine_lock(console: Console) -> Iterator[None]:
    """Hold the machine; wait, and say so, while another gate run holds it. A run that was killed holds nothing.

    Where the lock cannot be opened, because it is another user's (sticky folders are guarded so) or the folder is
    read-only, the run goes on without one.
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
