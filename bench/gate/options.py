"""Where a gate run's options come from: the command line, else ``[tool.pocketbert]`` in pyproject.toml, else here."""

import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    import pytest

DEFAULTS = {"manifest": "artifacts/offline/manifest.json", "reports": "reports", "store": "artifacts/.store"}
"""Paths, where neither the command line nor the project says otherwise."""
BUDGET_S = 60.0
"""Of one artifact in one profile, all lengths together; what is not settled then is `inconclusive`."""
_KEYS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("manifest", "baseline", "reports", "store"), str),
    "profiles": list,
    "budget": (int, float),
    "strict": bool,
}
_OPTIONS = {
    "manifest": "--gate-manifest",
    "profiles": "--gate-profiles",
    "baseline": "--gate-baseline",
    "reports": "--gate-report",
    "store": "--gate-store",
    "budget": "--gate-budget",
    "baseline_python": "--gate-baseline-python",
}
_KEYWORD = re.compile(r"(?!and$|or$|not$)[\w:+.\[\]\\/-]+")
"""What pytest's ``-k`` takes for one word."""


@dataclass(frozen=True)
class Project:
    """What the nearest pyproject.toml says under ``[tool.pocketbert]``; its paths are relative to its folder."""

    folder: Path = field(default_factory=Path)
    table: Mapping[str, Any] = field(default_factory=dict)

    def path(self, key: str) -> Path | None:
        """The path under that key, if there is one."""
        return self.folder / self.table[key] if key in self.table else None


def project(folder: Path) -> Project:
    """The section of the nearest pyproject.toml in or above `folder`; empty where there is none.

    Raises:
        BadInput: the file is no TOML, or a key or the type of its value is not legal.
    """
    path = next((p for p in (each / "pyproject.toml" for each in (folder, *folder.parents)) if p.is_file()), None)
    if path is None:
        return Project()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("pocketbert", {})
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({error})") from error
    for key, value in table.items():
        if key not in _KEYS:
            raise BadInput(f"{path}: [tool.pocketbert] {key}; legal: {', '.join(_KEYS)}")
        strings = not isinstance(value, list) or all(isinstance(name, str) for name in value)
        if not isinstance(value, _KEYS[key]) or (isinstance(value, bool) and key != "strict") or not strings:
            raise BadInput(f"{path}: [tool.pocketbert] {key} is {value!r}; legal: {_legal(key)}")
    return Project(path.parent, table)


def _legal(key: str) -> str:
    return {"profiles": "a list of names", "budget": "seconds", "strict": "true or false"}.get(key, "a path")


def read(config: "pytest.Config") -> "Asked":
    """What was asked for.

    Raises:
        BadInput: the project's section cannot be used.
    """
    said = project(config.invocation_params.dir)

    def path(key: str) -> Path:
        given: Path | None = config.getoption(_OPTIONS[key])
        return given or said.path(key) or Path(DEFAULTS[key])

    profiles: str | None = config.getoption("--gate-profiles")
    names = profiles.split(",") if profiles is not None else said.table.get("profiles", [])
    budget: float | None = config.getoption("--gate-budget")
    return Asked(
        manifest=path("manifest"),
        profiles=tuple(name.strip() for name in names if name.strip()),
        baseline=config.getoption("--gate-baseline"),
        baseline_place=said.path("baseline"),
        strict=config.getoption("--gate-strict") or said.table.get("strict", False),
        reports=path("reports"),
        store=path("store"),
        budget_s=float(said.table.get("budget", BUDGET_S)) if budget is None else budget,
        baseline_python=config.getoption("--gate-baseline-python"),
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
    )


def alone(item: "pytest.Item", manifest: Path) -> str:
    """The command that runs this item and no other."""
    from pocketbert.compress.base.files import as_typed

    config = item.config
    given = {option: config.getoption(option) for option in _OPTIONS.values()} | {"--gate-manifest": manifest}
    typed = {option: as_typed(value) if isinstance(value, Path) else value for option, value in given.items()}
    options = [word for option, value in typed.items() if value for word in (option, str(value))]
    options += ["--gate-strict"] if config.getoption("--gate-strict") else []
    # Only the gate's own names hold no other's: each ends in what stands in brackets.
    if "gate_item" in getattr(item, "fixturenames", ()) and _KEYWORD.fullmatch(item.name):
        package = ["--pyargs"] if config.getoption("pyargs") else []
        return shlex.join(["pytest", *package, *config.args, "-k", item.name, *options])
    file = Path(os.path.relpath(item.path, config.invocation_params.dir)).as_posix()
    return shlex.join(["pytest", f"{file}::{item.nodeid.partition('::')[2]}", *options])


@dataclass(frozen=True)
class Asked:
    """The options of a gate run. A baseline at `baseline_place` may still be to come; one that is asked for may not."""

    manifest: Path
    profiles: tuple[str, ...]
    baseline: Path | None
    strict: bool
    reports: Path
    command: str
    store: Path = Path(DEFAULTS["store"])
    budget_s: float = BUDGET_S
    baseline_python: Path | None = None
    baseline_place: Path | None = None
