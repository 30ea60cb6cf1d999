"""Builds on several processes (torchrun): all processes compute, only the first one writes files. And their end.

Loads no torch, because builds on one process use this module as well.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

_PATIENCE = timedelta(hours=12)  # the other processes wait while the first one runs the teacher


def rank() -> int:
    """Return the number of this process; the first, or only, process is 0."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """Return the number of processes that build together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait() -> None:
    """Wait until every process has reached this call."""
    if world() > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE).wait_for_everyone()


def agreed(value: float) -> float:
    """Return the first process's `value` on every process, which all call this: a decision by it is then the same."""
    if world() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    [first] = broadcast_object_list([value])
    return float(first)


@contextmanager
def first_alone() -> Iterator[None]:
    """Run the block on the first process while the others wait; then run it on them, with its files in place."""
    if rank():
        wait()
    yield
    if not rank():
        wait()


class Terminated(BaseException):
    """A signal that asks this process to end, raised where the process was: blocks clean up as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def termination_raised() -> Iterator[None]:
    """Raise `Terminated` in this block when SIGTERM or SIGHUP arrives; without effect outside the main thread."""

    def terminate(number: int, _: FrameType | None) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)  # GNU timeout sends two, and a second one would end the cleaning up
        raise Terminated(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]  # `nohup` ignores SIGHUP
    if threading.current_thread() is not threading.main_thread():
        ours = []
    for number in ours:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
