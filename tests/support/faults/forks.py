"""Runs a program in a fork of this process, and ends it by a signal before a chosen change to the file system.

A fork has every module that its parent has imported, so it takes the time of its work alone (`warm`). Only what Python
writes is seen as a change; the files that libraries write in C++ or Rust change between two of those.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"}
FAILED = 1


@dataclass(frozen=True)
class End:
    """Where and how a run is ended."""

    change: int  # before this change to the file system, counted from 1
    number: int = signal.SIGKILL
    torn: bool = False  # the file that was opened before is cut to half of what was written since, as amid a write


class Run(NamedTuple):
    """A run that has ended; changes and modules are known if it ended by itself."""

    code: int  # the negative number of the signal that ended it
    said: str
    changes: int = 0
    torn: tuple[int, ...] = ()  # the changes that directly follow the opening of a file for writing
    modules: tuple[str, ...] = ()


class Watch:
    """An audit hook that counts the changes to the file system, and sends the signal of `end` before one of them."""

    def __init__(self, end: End | None) -> None:
        self._end, self._process = end, os.getpid()
        self.changes = 0
        self.torn: list[int] = []
        self._opened: tuple[str, int] | None = None  # path, and its size before

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" and event not in CHANGES:
            return
        path, flags = arguments[0], arguments[2] if event == "open" else os.O_WRONLY
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        if not writes or isinstance(path, int) or os.getpid() != self._process:
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if name.startswith(("/dev/", "/proc/")) and not name.startswith("/dev/shm/"):  # noqa: S108
            return
        self.changes += 1
        if self._opened:
            self.torn.append(self.changes)
        if self._end and self._end.change == self.changes:
            self._send(self._end)
        self._opened = (name, 0 if flags & os.O_TRUNC else _size(name)) if event == "open" else None

    def _send(self, end: End) -> None:
        if end.torn and self._opened:
            name, before = self._opened
            if (size := _size(name)) > before:
                with suppress(OSError):  # a folder, in which a file without a name was opened
                    os.truncate(name, before + (size - before) // 2)
        os.kill(os.getpid(), end.number)


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size  # noqa: PTH116
    except OSError:
        return 0


def forked(work: Callable[[], object]) -> int:
    """Run `work` in a fork; return its exit code, or the negative number of the signal that killed it."""
    sys.stdout.flush()
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(0)


def run(program: Callable[[], int], root: Path, end: End | None = None) -> Run:
    """Run `program` in a fork, with `root` as its working folder and `root/tmp` for temporary files.

    Args:
        end: where the run is ended; None: nowhere.
    """
    said, told = (root.with_name(f"{root.name}.{kind}") for kind in ("said", "told"))
    told.unlink(missing_ok=True)
    code = forked(lambda: _inside(program, root, said, told, end))
    found = json.loads(told.read_text(encoding="utf-8")) if told.exists() else ()
    return Run(code, said.read_text(encoding="utf-8", errors="replace"), *found)


def _inside(program: Callable[[], int], root: Path, said: Path, told: Path, end: End | None) -> None:
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(root / "tmp")
    os.chdir(root)
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it
    sys.dont_write_bytecode = True
    sys.addaudithook(watch := Watch(end))
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    sys.stdout.flush()
    if not end:
        told.write_text(json.dumps([watch.changes, watch.torn[:], sorted(sys.modules)]), encoding="utf-8")
    os._exit(code)


def warm(modules: Iterable[str]) -> None:
    """Import what forks would import, each for itself, and let their garbage collections pass over it.

    A module may run no backward pass of PyTorch here: its threads would be missing in the forks.
    """
    for name in modules:
        if not name.startswith("__") and name not in sys.modules:
            with suppress(Exception):  # made by other modules, and found under no path
                import_module(name)
    gc.collect()
    gc.freeze()
