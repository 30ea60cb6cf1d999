"""The cores that this process may use, and what is to be known about them."""

import os
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")


def can_pin() -> bool:
    """Whether this platform lets a process choose its cores (Linux does, macOS does not)."""
    return hasattr(os, "sched_setaffinity")


def usable_cores(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The cores that this process may keep busy: its affinity, cut down to its cgroup's CPU quota (whole cores)."""
    if not can_pin():
        return list(range(os.cpu_count() or 1))
    cores = sorted(os.sched_getaffinity(0))
    quota = cpu_quota(proc, groups)
    return cores if quota is None else cores[: max(1, int(quota))]


def cpu_quota(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores' worth of CPU time that the cgroup (version 1 or 2) and every group above it allow; None: no limit."""
    found = []
    for line in proc.read_text().splitlines() if proc.is_file() else []:
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            root = groups
        elif "cpu" in controllers.split(","):
            root = groups / "cpu"
        else:
            continue
        group = root / name.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            found += _quota(folder)
    return min(found, default=None)


def smt_siblings(cores: list[int], cpu: Path = _CPU) -> list[list[int]]:
    """Those of `cores` that share a physical core, in groups of two or more."""
    groups = set()
    for core in cores:
        file = cpu / f"cpu{core}/topology/thread_siblings_list"
        if file.is_file():
            together = tuple(c for c in _listed(file.read_text()) if c in cores)
            if len(together) > 1:
                groups.add(together)
    return [list(group) for group in sorted(groups)]


def governor(core: int, cpu: Path = _CPU) -> str | None:
    """The frequency governor of a core, where it can be read (virtual machines seldom show it)."""
    file = cpu / f"cpu{core}/cpufreq/scaling_governor"
    return file.read_text().strip() if file.is_file() else None


def _quota(folder: Path) -> list[float]:
    v2 = folder / "cpu.max"
    if v2.is_file():
        quota, period = v2.read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    v1 = folder / "cpu.cfs_quota_us"
    if v1.is_file() and (allowed := int(v1.read_text())) > 0:
        return [allowed / int((folder / "cpu.cfs_period_us").read_text())]
    return []


def _listed(text: str) -> list[int]:
    """`0-1,4` -> 0, 1, 4."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
