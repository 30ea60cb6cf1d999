"""Two benchmarks on one machine take turns."""

import errno
import io
import os
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from pocketbert.bench.machine import lock


def test_a_second_run_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LOCK", tmp_path / "gate.lock")
    said = io.StringIO()
    release = threading.Event()
    first_holds = threading.Event()

    def first() -> None:
        with lock.machine_lock(Console(quiet=True)):
            first_holds.set()
            release.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    first_holds.wait(10)
    threading.Timer(0.5, release.set).start()
    begin = time.monotonic()
    with lock.machine_lock(Console(file=said, width=200)):
        assert time.monotonic() - begin > 0.4
    thread.join()
    assert "another run of pocketbert is timing on this machine; waiting for it" in said.getvalue()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_lock_that_cannot_be_opened_does_not_stop_a_run(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock.FileLock, "acquire", denied)
    said = io.StringIO()
    with lock.machine_lock(Console(file=said, width=200)):
        pass
    assert f"{os.strerror(number)}: another user's run would spoil this one" in said.getvalue()
