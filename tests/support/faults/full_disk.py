"""Builds on disks that are too small: a tmpfs of N KiB, in a mount namespace of its own (`unshare -m`).

    OMP_NUM_THREADS=1 unshare -m python -m tests.support.faults.full_disk       # 19 sizes
    OMP_NUM_THREADS=1 unshare -m python -m tests.support.faults.full_disk 4     # so many sizes

Each build must end with one line and exit code 3; with room again, it must finish with the result of any other build.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.faults.kills import command, forked, imported, leftovers, result, write_recipe

FULL, ROOMY = 3, "256m"


def mount(folder: Path, size: str, *more: str) -> None:
    options = ",".join([*more, f"size={size}"])
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pocketbert", folder], check=True)  # noqa: S607


def full_disks(folder: Path, count: int) -> tuple[int, list[str]]:
    """Build on `count` disks; returns how many were too small, and what went wrong."""
    imported()
    disk, said = folder / "disk", folder / "said.txt"
    disk.mkdir()
    mount(disk, ROOMY)
    for work in (lambda: write_recipe(folder), lambda: command(disk, said)):
        if code := forked(work):
            return 0, [f"the build with room: exit {code}: {said.read_text()[-500:]}"]
    expected = result(disk / "artifacts/killed")
    used = sum(file.stat().st_size for file in disk.rglob("*") if file.is_file()) // 1024
    full, wrong = 0, []
    for number in range(count):
        size = max(16, used * number // count)
        subprocess.run(["umount", disk], check=True)  # noqa: S607
        mount(disk, f"{size}k")
        code, lines = forked(lambda: command(disk, said)), said.read_text().splitlines()
        last = lines[-2] if len(lines) > 1 else ""  # the number of changes comes last
        if code != 0 and (
            code != FULL or "Traceback" in "".join(lines) or not last.startswith("pocketbert: the disk is full")
        ):
            wrong.append(f"{size} KiB: exit {code}, {last}")
        full += code == FULL
        mount(disk, ROOMY, "remount")
        code = forked(lambda: command(disk, said))
        if code or result(disk / "artifacts/killed") != expected:
            wrong.append(f"{size} KiB, with room again: exit {code}, or another result: {said.read_text()[-500:]}")
        elif left := leftovers(disk):
            wrong.append(f"{size} KiB: left {', '.join(left)}")
    subprocess.run(["umount", disk], check=True)  # noqa: S607
    return full, wrong


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        small, faults = full_disks(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 19)
    print(f"{small} disks were too small, {len(faults)} builds went wrong")
    sys.exit("\n".join(faults) or 0)
