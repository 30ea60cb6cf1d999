"""One kind of input: many of it, and those that end in anything but success or one line."""

import faulthandler
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from pocketbert.compress.base.errors import BadInput, CheckFailed, MachineFailed

LONGEST = 500
"""The largest number of characters of a message."""
FAULTS = ("traceback", "hang", "message", "stray write")
"""What a fault's description begins with."""
_PATIENCE = 10.0  # seconds of the processor's time that one input may take
_PROGRESS, _IDLE = 0.02, 3
"""A process that gets no more of the processor's time than this, seconds, in so many times `_PATIENCE` is blocked."""
_NEVER = 3600.0
"""Seconds after which a library that does not return ends the run, with a traceback."""
_MEMORY = 12 * 2**30  # bytes of address space
_TERMINAL = os.dup(2)
_WRITES = ("os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
_ALLOWED = ("/dev/null", "/proc/")


class TooLong(BaseException):
    """An input was not answered in time; no `except Exception` of a library swallows it."""


def nothing(opened: Any) -> None:
    """Do nothing with what was opened."""


@dataclass(frozen=True)
class Kind:
    """A kind of input: how many of them, what they are like, what opens one, and what is then done with it.

    Args:
        home: the only folder in which files may be written; None: not checked.
    """

    count: int
    inputs: SearchStrategy[Any]
    read: Callable[[Any], Any]
    use: Callable[[Any], object] = nothing
    home: Path | None = None


class Answer(NamedTuple):
    """What came of one input: whether it was opened, whether all that follows succeeded, and what is wrong."""

    read: bool
    used: bool
    fault: str = ""


@dataclass
class Found:
    """What came of the inputs of one kind: their numbers, and fault -> the inputs that end in it."""

    inputs: int = 0
    read: int = 0
    used: int = 0
    seconds: float = 0.0
    faults: dict[str, list[str]] = field(default_factory=dict)

    def __add__(self, other: "Found") -> "Found":
        faults = {
            fault: [*self.faults.get(fault, ()), *other.faults.get(fault, ())]
            for fault in {**self.faults, **other.faults}
        }
        counts = (
            self.inputs + other.inputs,
            self.read + other.read,
            self.used + other.used,
            self.seconds + other.seconds,
        )
        return Found(*counts, faults)

    def count(self, what: str = "") -> int:
        """Return the number of inputs that end in a fault of this kind."""
        return sum(len(inputs) for fault, inputs in self.faults.items() if fault.startswith(what))


def hunt(kind: Kind, count: int, number: int) -> Found:
    """Try `count` inputs of a kind, the same ones for the same seed `number`."""
    found, begun = Found(), time.monotonic()

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.inputs)
    def one(value: Any) -> None:
        answer = answer_to(kind, value)
        found.inputs += 1
        found.read += answer.read
        found.used += answer.used
        if answer.fault:
            found.faults.setdefault(answer.fault, []).append(repr(value)[:300])

    one()
    found.seconds = time.monotonic() - begun
    return found


def answer_to(kind: Kind, value: Any) -> Answer:
    """Open one input and go on with it."""
    read = used = False
    fault = ""
    with _strays(kind.home) as strays:
        try:
            with _in_time(), _silent():
                opened = kind.read(value)
                read = True
                kind.use(opened)
                used = True
        except (BadInput, CheckFailed, MachineFailed) as refused:
            fault = _wrong_with(str(refused))
        except TooLong as error:
            fault = f"hang: {_place(error)}"
        except Exception as error:
            fault = f"traceback: {type(error).__name__} in {_place(error)}"
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of a library in Rust
                raise
            fault = f"traceback: {type(error).__name__} in {_place(error)}"
    return Answer(read, used, fault or (f"stray write: {strays[0]!a}" if strays else ""))


def _wrong_with(message: str) -> str:
    """Return what is wrong with a message, if anything is."""
    if len(message) > LONGEST:
        return f"message of more than {LONGEST} characters"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in message):
        return "message with a control character"
    return ""


def _place(error: BaseException) -> str:
    """Return the innermost line of ours, and the beginning of the message."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/compress/" in frame.filename or "/bench/" in frame.filename
    ]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "?"
    return f"{where}: {str(error)[:60]!a}"


@contextmanager
def _in_time() -> Iterator[None]:
    """Raise `TooLong` if an input takes so much time of the processor, or waits for something that never comes.

    On a busy machine an input may wait long for the processor itself, which is no fault.
    """
    begun, last, idle = time.process_time(), time.process_time(), 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last, idle
        now = time.process_time()
        idle, last = idle + 1 if now - last < _PROGRESS else 0, now
        if now - begun > _PATIENCE or idle == _IDLE:
            raise TooLong(f"no answer after {now - begun:.0f} s of the processor's time")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE, _PATIENCE)
    faulthandler.dump_traceback_later(_NEVER, exit=True, file=_TERMINAL)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what is written to the standard output and error output, also by libraries in C++ and Rust."""
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


_watched: list[tuple[tuple[str, ...], list[str]]] = []
"""The folders in which files may be written, and the paths of others; empty while nothing is watched."""


@contextmanager
def _strays(home: Path | None) -> Iterator[list[str]]:
    """Yield a list that fills with the paths outside of `home` and the temporary folder that Python writes to."""
    strays: list[str] = []
    if home:
        roots = (os.path.realpath(home), os.path.realpath(tempfile.gettempdir()), *_ALLOWED)
        _watched.append((roots, strays))
    try:
        yield strays
    finally:
        if home:
            _watched.pop()


def _watch(event: str, given: tuple[Any, ...]) -> None:
    """Note a path that is written to; an audit hook of Python, which cannot be removed."""
    if not _watched:
        return
    if event == "open":
        path, mode, flags = given
        if not (set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            return
        paths = [path]
    elif event in _WRITES:
        if any(isinstance(each, int) and each >= 0 for each in given[1:] if event != "os.mkdir"):
            return  # relative to a folder that is open; its own path was checked
        paths = (
            list(given[:2]) if event in ("os.rename", "os.link") else [given[1] if event == "os.symlink" else given[0]]
        )
    else:
        return
    roots, strays = _watched[-1]
    for path in paths:
        if isinstance(path, str | bytes | os.PathLike):
            given_path = Path(os.fsdecode(path))
            real = str(given_path.parent.resolve() / given_path.name)
            if not real.startswith(roots) and "__pycache__" not in real:
                strays.append(f"{event} {real}")


sys.addaudithook(_watch)


def limit_memory() -> None:
    """Let an input that wants all memory end in a MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
