"""Profiles: which threads and cores stand for which device, and what of that this process may use."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketbert.bench.machine.cores import can_pin, usable_cores
from pocketbert.bench.records.results import MIX, Profile
from pocketbert.compress.base.errors import BadInput

PROFILES = Path(__file__).with_name("profiles.toml")


def load_profiles(names: Sequence[str] = (), path: Path = PROFILES) -> list[Profile]:
    """The profiles of those names (all, if none are given), resolved to cores or skipped with the reason.

    A profile whose threads, cores and lengths another one has already is measured once: `same_as` names that one.

    Raises:
        BadInput: a name that is not there, or a profile whose keys or values are not legal.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if unknown := [name for name in names if name not in table]:
        raise BadInput(f"unknown profile {unknown[0]!r}; legal: {', '.join(table)}")
    usable = usable_cores()
    resolved: list[Profile] = []
    for name in dict.fromkeys(names or table):
        profile = _resolve(name, table[name], usable, path)
        twin = [p for p in resolved if not p.skipped and not p.same_as and _same(p, profile)]
        resolved.append(profile.model_copy(update={"same_as": twin[0].name}) if twin else profile)
    return resolved


def _same(one: Profile, other: Profile) -> bool:
    return (one.threads, one.cores, one.lengths) == (other.threads, other.cores, other.lengths)


def _resolve(name: str, entry: dict[str, Any], usable: list[int], path: Path) -> Profile:
    if set(entry) != {"threads", "cores", "lengths"}:
        raise BadInput(f"{path}: [{name}] needs threads, cores and lengths, and nothing else; has {', '.join(entry)}")
    threads, cores = (_count(entry[key], len(usable), f"{path}: [{name}] {key}") for key in ("threads", "cores"))
    lengths = [str(length) for length in entry["lengths"]]
    if wrong := [length for length in lengths if length != MIX and not (length.isdigit() and int(length))]:
        raise BadInput(f"{path}: [{name}] length {wrong[0]!r}; legal: a number of tokens, or {MIX!r}")
    skipped = None
    if cores > len(usable):
        skipped = f"needs {cores} cores, this process may use {len(usable)}"
    elif not can_pin():
        skipped = "this platform cannot pin a process to cores"
    return Profile(
        name=name, threads=threads, cores=[] if skipped else usable[:cores], lengths=lengths, skipped=skipped
    )


def _count(value: object, everything: int, where: str) -> int:
    if value == "all":
        return everything
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise BadInput(f'{where} is {value!r}; legal: a number from 1, or "all"')
