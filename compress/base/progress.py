"""Progress display: bars on a terminal, a line every 30 seconds in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pocketbert.compress.base.errors import percent, printable
from pocketbert.compress.base.processes import rank
from pocketbert.compress.base.quiet import Verbosity, shown

_LOG_EVERY = 30.0
"""Seconds between two lines without a terminal."""


class Work:
    """One running piece of work; `advance` reports its progress."""

    def __init__(self, owner: "Progress", description: str, total: float) -> None:
        self._owner, self._description, self._total = owner, description, total
        self._done, self._started, self._said = 0.0, time.monotonic(), time.monotonic()
        self._bar = owner.rich.add_task(printable(description), total=total) if owner.rich else None

    def advance(self, amount: float = 1.0) -> None:
        """Report that `amount` more units are done."""
        self._done += amount
        if self._owner.rich and self._bar is not None:
            self._owner.rich.update(self._bar, completed=self._done, refresh=True)
            return
        now = time.monotonic()
        if now - self._said >= _LOG_EVERY and self._done:
            self._said = now
            left = (now - self._started) * max(self._total / self._done - 1, 0)
            self._owner.say(f"  {self._description}: {percent(self._done / self._total, 0)}, about {left:.0f} s left")

    def close(self) -> None:
        """Remove the bar."""
        if self._owner.rich and self._bar is not None:
            self._owner.rich.remove_task(self._bar)


class Progress:
    """Context manager; inside its block `work` opens a bar and `say` prints a line above the bars."""

    log: Path | None = None
    """A file that every printed line is added to."""

    def __init__(self, thread: bool = True) -> None:
        """`thread`: redraw from a thread; must be off while something is timed."""
        self._thread = thread
        silent = rank() > 0 or shown() is Verbosity.QUIET
        whole = not sys.stderr.isatty()  # a terminal would break lines inside words
        self._console = Console(file=sys.stderr, soft_wrap=whole, highlight=False, quiet=silent)
        self.rich: RichProgress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.quiet:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
            clocks = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
            self.rich = RichProgress(*columns, *clocks, console=self._console, auto_refresh=self._thread)
            self.rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.rich:
            self.rich.stop()
            self.rich = None

    def say(self, line: str) -> None:
        """Print one line."""
        self._console.print(printable(line), markup=False, emoji=False)
        self.note(line)

    def note(self, line: str) -> None:
        """Add a line with the time to the log alone."""
        if self.log and not rank():
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {printable(line)}\n")

    @contextmanager
    def work(self, description: str, total: float) -> Iterator[Work]:
        """Show a bar for `total` units of work until the block ends."""
        work = Work(self, description, total)
        try:
            yield work
        finally:
            work.close()
