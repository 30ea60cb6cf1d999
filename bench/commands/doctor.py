"""``pocketbert doctor``: what this machine can measure."""

from dataclasses import asdict

from pocketbert.compress.base.commands import AsJson, echo, print_json


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
            progress.say(f"{check.name:<12} {check.text}")
            checks.append(check)
    if as_json:
        print_json([asdict(check) for check in checks])
        return
    fixes = [f"to fix: {check.name}: {check.fix}" for check in checks if check.fix]
    for line in fixes or ["nothing to fix"]:
        echo(line)
