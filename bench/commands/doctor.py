"""``pocketbert doctor``: what this machine can measure."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pocketbert.compress.base.commands import AsJson, echo, print_json
from pocketbert.compress.base.quiet import Verbosity, shown

if TYPE_CHECKING:
    from pocketbert.bench.doctor import Check


def doctor(as_json: AsJson = False) -> None:
    """Check how small a slow-down this machine can detect, and what to fix (under 1 minute)."""
    from rich.console import Console

    from pocketbert.bench.doctor import examine
    from pocketbert.bench.machine.lock import machine_lock
    from pocketbert.compress.base.progress import Progress

    checks = []
    console = Console(stderr=True)
    with machine_lock(console), Progress(thread=False) as progress:
        for check in examine(progress):
            progress.say(_line(check))
            checks.append(check)
    if as_json:
        print_json([asdict(check) for check in checks])
        return
    if shown() is Verbosity.QUIET or not sys.stdout.isatty():  # nobody has seen them there
        for check in checks:
            echo(_line(check))
    fixes = [f"to fix: {check.name}: {check.fix}" for check in checks if check.fix]
    for line in fixes or ["nothing to fix"]:
        echo(line)


def _line(check: "Check") -> str:
    return f"{check.name:<12} {check.text}"
