"""The gate's worker processes as forks of a process that has imported what they need."""

import os
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any


class ForkedWorker:
    """Takes the place of `subprocess.Popen` in `pocketbert.bench.workers.child`."""

    def __init__(self, command: list[str], *, stderr: IO[bytes], env: dict[str, str], **_: Any) -> None:
        parent = os.getpid()
        commands, to_worker = os.pipe()
        from_worker, replies = os.pipe()
        self._code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(to_worker)
            os.close(from_worker)
            _work([str(parent), command[-1]], (commands, replies, stderr.fileno()), env)
        os.close(commands)
        os.close(replies)
        self.stdin, self.stdout = os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb")

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


def _work(arguments: list[str], descriptors: tuple[int, ...], environment: dict[str, str]) -> None:
    """Become a worker; return never."""
    try:
        os.setsid()
        for signals in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signals, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, tempfile.tempdir = ["-c", *arguments], None
        with suppress(OSError):  # the peak of memory begins with this process
            Path("/proc/self/clear_refs").write_text("5")
        from pocketbert.bench.workers.worker import main

        main()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


def fork_workers() -> None:
    """Let the gate of this process fork its workers."""
    from pocketbert.bench.workers import child

    child.subprocess = SimpleNamespace(Popen=ForkedWorker, PIPE=subprocess.PIPE)  # type: ignore[assignment]
