"""A program of the kill tests: how it is prepared and run, and what must hold when it was ended anywhere."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAID = {signal.SIGINT: "pocketbert: interrupted", signal.SIGTERM: "pocketbert: terminated"}
COMMAND = {signal.SIGKILL: (-signal.SIGKILL,), signal.SIGTERM: (143,), signal.SIGINT: (130,)}
"""Exit codes of `pocketbert` after a signal."""


@dataclass(frozen=True)
class Program:
    """A program that is ended in a copy of a prepared folder, and run again.

    Args:
        prepare: writes `folder/before`, which is copied for each run, and what the runs share into `folder`.
        run: runs in the copy and returns the exit code.
        result: what any two runs have in common.
        damage: yields what is torn or wrong, at any moment.
        keeps: every file that is there before and after a whole run is there at any moment.
        codes: exit codes after each signal.
        again: further exit codes of the next run.
        warm: fills caches of the process that forks, from the folder.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[], int]
    result: Callable[[Path], Any]
    damage: Callable[[Path], Iterator[str]]
    keeps: bool = False
    codes: dict[signal.Signals, tuple[int, ...]] | None = None
    again: tuple[int, ...] = ()
    warm: Callable[[Path], None] | None = None


def command_line(*arguments: str) -> int:
    """Run `pocketbert` with these arguments and return its exit code."""
    import sys

    from pocketbert.bench.cli import main

    sys.argv = ["pocketbert", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def names(folder: Path) -> set[str]:
    """Return the path of everything in the folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
