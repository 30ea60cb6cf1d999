"""One kind of input: many damaged ones of it, and those that end in anything but success or one line."""

import os
import resource
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from pocketbert.compress.base.errors import BadInput

LONGEST = 500
"""The largest number of characters of a message."""
_PATIENCE = 20  # seconds that one input may take
_MEMORY = 12 * 2**30  # bytes of address space


class TooLong(BaseException):
    """An input was not answered in time; no `except Exception` of a library swallows it."""


@dataclass(frozen=True)
class Kind:
    """A kind of input: how many of them, what they are like, and what reads one."""

    count: int
    inputs: SearchStrategy[Any]
    read: Callable[[Any], object]


@dataclass
class Found:
    """What came of the inputs of one kind: the number of inputs, and fault -> the inputs that end in it."""

    inputs: int = 0
    read: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """The number of inputs that are refused in a message that is too long, or that a terminal obeys."""
        return sum(len(inputs) for fault, inputs in self.faults.items() if fault.startswith("a message"))

    @property
    def tracebacks(self) -> int:
        """The number of inputs that end in a traceback, or not in time."""
        return sum(map(len, self.faults.values())) - self.messages


def hunt(kind: Kind, count: int, number: int) -> Found:
    """Try `count` inputs of a kind, the same ones for the same seed `number`."""
    found = Found()

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
        found.inputs += 1
        fault = fault_of(kind.read, value)
        if fault is None:
            found.read += 1
        elif fault:
            found.faults.setdefault(fault, []).append(repr(value)[:300])

    one()
    return found


def fault_of(read: Callable[[Any], object], value: Any) -> str | None:
    """Return what is wrong with the answer to one input: None if it is read, nothing if it is refused in one line."""
    try:
        with _in_time(), _silent():
            read(value)
    except BadInput as refused:
        return _wrong_with(str(refused))
    except (Exception, TooLong) as error:
        return f"{type(error).__name__} in {_place(error)}"
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of a library in Rust
            raise
        return f"{type(error).__name__} in {_place(error)}"
    return None


def _wrong_with(message: str) -> str:
    """Return what is wrong with a message, if anything is."""
    if len(message) > LONGEST:
        return "a message of more than 500 characters"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in message):
        return "a message with a control character"
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
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"no answer in {_PATIENCE} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what libraries in C++ and Rust write to the standard error output."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def limit_memory() -> None:
    """Let an input that wants all memory end in a MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
