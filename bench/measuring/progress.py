"""The progress bar of a measurement: the current work and the estimated time left."""

import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from pocketbert.compress.base.errors import printable

START_S = 4.0
"""Estimate for the start of a child that imports PyTorch."""
_REDRAW_S = 0.5
_UNKNOWN_MS = 0.05
"""Estimate per token before any speed is known; afterwards unknown artifacts count as slow as the slowest known one."""


@dataclass
class _Work:
    fixed_s: float
    tokens: float
    done: float = 0.0


class Bar:
    """A progress bar over work of known size (tokens) at speeds that are learned during the run.

    Work is named by `what` is done and `who` it is done to; `who` has a speed, ms per token.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[clock]}"),
            console=console,
            transient=True,
            # A refreshing thread would use the CPU during timed runs, so the bar is drawn between two requests.
            auto_refresh=False,
        )
        self._task = self._progress.add_task("measuring", total=None, clock="")
        self._begin = time.monotonic()
        self._drawn = 0.0
        self._work: dict[tuple[str, str], _Work] = {}
        self._speed: dict[str, float] = {}

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, what: str, who: str, fixed_s: float = 0.0, tokens: float = 0.0) -> None:
        """Add work: a fixed time, and tokens at the speed of `who`."""
        self._work[what, who] = _Work(fixed_s, tokens)

    def learn(self, who: str, ms_per_token: float) -> None:
        """Set the speed of `who`."""
        self._speed[who] = ms_per_token

    def now(self, text: str, log: bool = True) -> None:
        """Show the current work; without a terminal, print it as a line of its own if `log`."""
        shown = printable(text)
        self._progress.update(self._task, description=shown)
        self._draw()
        if log and not self._progress.console.is_terminal:
            self._progress.console.print(shown, markup=False, emoji=False)

    def advance(self, what: str, who: str, share: float) -> None:
        """Add a share of this work as done, up to the whole."""
        work = self._work[what, who]
        work.done = min(1.0, work.done + share)
        if time.monotonic() - self._drawn > _REDRAW_S:
            self._draw()

    def left_s(self) -> float:
        """Return the estimated time left, seconds."""
        slowest = max(self._speed.values(), default=_UNKNOWN_MS)
        return sum(
            (1 - work.done) * (work.fixed_s + work.tokens * self._speed.get(who, slowest) / 1000)
            for (_, who), work in self._work.items()
        )

    def _draw(self) -> None:
        elapsed, left = time.monotonic() - self._begin, self.left_s()
        clock = f"{_minutes(elapsed)}, about {_minutes(left)} left"
        self._progress.update(self._task, completed=elapsed, total=elapsed + left, clock=clock, refresh=True)
        self._drawn = time.monotonic()


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
