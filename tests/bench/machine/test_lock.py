"""Two benchmarks on one machine take turns, and a gate and a build in one folder exclude each other."""

import errno
import io
import os
import tempfile
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from pocketbert.bench.machine import lock
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.build import _alone_in


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


def test_gates_share_the_lock_that_a_build_has_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    build, gate = (pytest.raises(BadInput, match=words) for words in ("or a gate run is working", "a build is working"))
    with _alone_in(folder), gate, lock.no_build_in(folder):
        pass
    with lock.no_build_in(folder), lock.no_build_in(folder), build, _alone_in(folder):
        pass
    with _alone_in(folder):  # the gates have ended
        pass


def test_a_lock_of_another_user_or_of_nobody_does_not_stop_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock.no_build_in(tmp_path / "foreign"):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".foreign.lock").touch()

    def denied(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", denied)
    with lock.no_build_in(tmp_path / "foreign"):
        pass


def test_a_run_removes_what_killed_runs_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "pocketbert-killed").mkdir()
    (tmp_path / "pocketbert-killed/.owner").touch()
    with lock.machine_lock(Console(quiet=True)):
        assert not (tmp_path / "pocketbert-killed").exists()
