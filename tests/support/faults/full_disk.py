"""Builds on disks that are too small: a tmpfs of N KiB, in a mount namespace of its own (`unshare -m`).

    OMP_NUM_THREADS=1 unshare -m python -m tests.support.faults.full_disk       # 19 sizes
    OMP_NUM_THREADS=1 unshare -m python -m tests.support.faults.full_disk 4     # so many sizes

Each build must end with one line and exit code 3; with room again, it must finish with the result of any other build.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.faults.builds import build, imported, result, write_recipe
from tests.support.faults.forks import forked, run
from tests.support.faults.program import names

FULL, ROOMY = 3, "256m"


def mount(folder: Path, size: str, *more: str) -> None:
    options = ",".join([*more, f"size={size}"])
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "pocketbert", folder], check=True)  # noqa: S607


def full_disks(folder: Path, count: int) -> tuple[int, list[str]]:
    """Build on `count` disks; returns how many were too small, and what went wrong."""
    imported()
    disk = folder / "disk"
    disk.mkdir()
    mount(disk, ROOMY)
    if code := forked(lambda: write_recipe(folder)):
        return 0, [f"the recipe: exit {code}"]
    if (whole := run(build, disk)).code:
        return 0, [f"the build with room: exit {whole.code}: {whole.said[-500:]}"]
    expected, files = result(disk), names(disk)
    used = sum(file.stat().st_size for file in disk.rglob("*") if file.is_file()) // 1024
    full, wrong = 0, []
    for number in range(count):
        size = max(16, used * number // count)
        subprocess.run(["umount", disk], check=True)  # noqa: S607
        mount(disk, f"{size}k")
        small = run(build, disk)
        last = small.said.splitlines()[-1:] or [""]
        if small.code != 0 and (
            small.code != FULL or "Traceback" in small.said or not last[0].startswith("pocketbert: the disk is full")
        ):
            wrong.append(f"{size} KiB: exit {small.code}, {last[0]}")
        full += small.code == FULL
        mount(disk, ROOMY, "remount")
        again = run(build, disk)
        if again.code or result(disk) != expected:
            wrong.append(f"{size} KiB, with room again: exit {again.code}, or another result: {again.said[-500:]}")
        elif different := names(disk) ^ files:
            wrong.append(f"{size} KiB: other files: {sorted(different)}")
    subprocess.run(["umount", disk], check=True)  # noqa: S607
    return full, wrong


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        small, faults = full_disks(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 19)
    print(f"{small} disks were too small, {len(faults)} builds went wrong")
    sys.exit("\n".join(faults) or 0)
