"""What is being done and how long it still takes: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pocketbert.compress.base.processes import rank

_LOG_EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


class Work:
    """One piece of work under way; `advance` says how much of it is done."""

    def __init__(self, owner: "Progress", description: str, total: float) -> None:
        self._owner, self._description, self._total = owner, description, total
        self._done, self._started, self._said = 0.0, time.monotonic(), time.monotonic()
        self._bar = owner.rich.add_task(description, total=total) if owner.rich else None

    def advance(self, amount: float = 1.0) -> None:
        """`amount` more of the total is done."""
        self._done += amount
        if self._owner.rich and self._bar is not None:
            self._owner.rich.update(self._bar, completed=self._done, refresh=True)
            return
        now = time.monotonic()
        if now - self._said >= _LOG_EVERY and self._done:
            self._said = now
            left = (now - self._started) * max(self._total / self._done - 1, 0)
            self._owner.say(f"  {self._description}: {self._done / self._total:.0%}, about {left:.0f} s left")

    def close(self) -> None:
        """Take the bar away."""
        if self._owner.rich and self._bar is not None:
            self._owner.rich.remove_task(self._bar)


class Progress:
    """A context manager; inside it, `work` opens a bar and `say` prints a line above the bars."""

    def __init__(self, thread: bool = True) -> None:
        """`thread`: a thread of its own keeps the bar fresh; not while something is being timed."""
        self._thread = thread
        self._console = Console(file=sys.stderr, soft_wrap=True, highlight=False, quiet=rank() > 0)
        self.rich: RichProgress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            clocks = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
            self.rich = RichProgress(*columns, *clocks, console=self._console, auto_refresh=self._thread)
            self.rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.rich:
            self.rich.stop()
            self.rich = None

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(line, markup=False)

    @contextmanager
    def work(self, description: str, total: float) -> Iterator[Work]:
        """A bar for `total` units of work, gone when the block ends."""
        work = Work(self, description, total)
        try:
            yield work
        finally:
            work.close()
