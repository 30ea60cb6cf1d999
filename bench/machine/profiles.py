"""Profiles: the threads and cores that simulate each device, resolved to the cores of this process."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketbert.bench.machine.cores import can_pin, usable_cores
from pocketbert.bench.records.results import MIX, Profile
from pocketbert.compress.base.errors import BadInput

PROFILES = Path(__file__).with_name("profiles.toml")


def load_profiles(names: Sequence[str] = (), path: Path = PROFILES) -> list[Profile]:
    """Load the named profiles (default: all); each is resolved to cores, or `skipped` gives the reason.

    If an earlier profile has the same threads, cores and lengths, `same_as` names it, and both are measured once.

    Raises:
        BadInput: a name is unknown, or a profile has a wrong key or value.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if unknown := [name for name in names if name not in table]:
        raise BadInput(f"unknown profile {unknown[0]!r}; allowed: {', '.join(table)}")
    usable = usable_cores()
    resolved: list[Profile] = []
    for name in dict.fromkeys(names or table):
        profile = _resolve(name, table[name], usable, path)
        same = {"threads": profile.threads, "cores": profile.cores, "lengths": profile.lengths}
        twin = [p for p in resolved if not p.skipped and not p.same_as and p.model_dump(include=set(same)) == same]
        resolved.append(profile.model_copy(update={"same_as": twin[0].name}) if twin else profile)
    return resolved


def _resolve(name: str, entry: dict[str, Any], usable: list[int], path: Path) -> Profile:
    if set(entry) != {"threads", "cores", "lengths"}:
        raise BadInput(f"{path}: [{name}] has the keys {', '.join(entry)}; expected: threads, cores, lengths")
    threads, cores = (_count(entry[key], len(usable), f"{path}: [{name}] {key}") for key in ("threads", "cores"))
    lengths = [str(length) for length in entry["lengths"]]
    if wrong := [length for length in lengths if length != MIX and not (length.isdigit() and int(length))]:
        raise BadInput(f"{path}: [{name}] lengths has {wrong[0]!r}; allowed: a number of tokens, or {MIX!r}")
    skipped = None
    if cores > len(usable):
        skipped = f"needs {cores} cores, this process may use {len(usable)}"
    elif not can_pin():
        skipped = "this platform cannot pin a process to cores"
    return Profile(
        name=name, threads=threads, cores=[] if skipped else usable[:cores], lengths=lengths, skipped=skipped
    )


def _count(value: object, usable: int, where: str) -> int:
    if value == "all":
        return usable
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise BadInput(f'{where} is {value!r}; allowed: an integer from 1, or "all"')
