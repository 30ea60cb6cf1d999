"""Options of a gate run: from the command line, else ``[tool.pocketbert]`` in pyproject.toml, else the defaults here.

Paths on the command line are relative to the working folder. All others are relative to the project's root: the folder
of the pyproject.toml with the section, else pytest's rootdir.

Every pytest run imports this module, so it imports nothing heavy.
"""

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    import pytest

DEFAULTS = {"manifest": "artifacts/offline/manifest.json", "reports": "reports", "store": "artifacts/.store"}
"""Paths that neither the command line nor the project sets."""
_BASELINES = "baselines"
BUDGET_S = 60.0
"""Seconds for one artifact in one profile, all lengths together; a comparison that needs longer is `inconclusive`."""
_STORE = "Folder with copies of earlier artifacts (by SHA-256), needed to time the baseline's file again"
_BUDGET = "Time limit per artifact and profile in seconds; undecided comparisons are then reported as inconclusive"
_FIRST_RUN = "This recipe has no baseline yet. Without this option a missing baseline fails the run."
_TEXTS = (
    "Put the texts of prediction flips into results and report. Without it, flips have row numbers and labels only."
)
_PYTHON = "Compare two interpreters instead: every artifact runs under PYTHON and under the interpreter of pytest."
OPTIONS: dict[str, tuple[str, str, Callable[[str], object], str]] = {
    "manifest": (
        "--gate-manifest",
        "FILE",
        Path,
        f"Manifest of the artifacts to measure (default: {DEFAULTS['manifest']}).",
    ),
    "profiles": ("--gate-profiles", "A,B", str, "Measure in these profiles alone (default: all)."),
    "baseline": ("--gate-baseline", "FILE", Path, "Baseline to compare with (default: baselines/<recipe>.json)."),
    "against": ("--gate-against", "NAME", str, "Compare with the baseline of `pocketbert baseline pin NAME`."),
    "first_run": ("--gate-first-run", "", bool, _FIRST_RUN),
    "strict": ("--gate-strict", "", bool, "Fail on inconclusive, no-baseline and missing profiles as well."),
    "reports": (
        *("--gate-reports", "DIR", Path),
        f"Folder for the results and the reports (default: {DEFAULTS['reports']}).",
    ),
    "store": ("--gate-store", "DIR", Path, f"{_STORE} (default: {DEFAULTS['store']})."),
    "budget": ("--gate-budget", "SECONDS", float, f"{_BUDGET} (default: {BUDGET_S:g})."),
    "show_texts": ("--gate-show-texts", "", bool, _TEXTS),
    "baseline_python": ("--gate-baseline-python", "PYTHON", Path, _PYTHON),
}
"""Key -> flag, metavar (none: a switch), type, help."""
_KEYWORD = re.compile(r"(?!and$|or$|not$)[\w:+.\[\]\\/-]+")
"""One word of pytest's ``-k``."""


@dataclass(frozen=True)
class GateOptions:
    """The options of a gate run.

    `baseline` is the file of ``--gate-baseline``, `default_baseline` the file that the project names. Where both are
    None, the baseline is the recipe's in the folder `baselines`.
    """

    manifest: Path
    profiles: tuple[str, ...]
    baseline: Path | None
    strict: bool
    reports: Path
    command: str
    store: Path = Path(DEFAULTS["store"])
    budget_s: float = BUDGET_S
    baseline_python: Path | None = None
    default_baseline: Path | None = None
    baselines: Path = Path(_BASELINES)
    first_run: bool = False
    against: str | None = None
    show_texts: bool = False


def read(config: "pytest.Config") -> GateOptions:
    """Read the options of this run.

    Raises:
        BadInput: the project's section or an option is wrong.
    """
    from pocketbert.bench.gate.project import load_project
    from pocketbert.compress.base.files import as_typed

    project = load_project(config.invocation_params.dir, config.rootpath)
    root = project.root or config.rootpath

    given: dict[str, Any] = {key: config.getoption(flag) for key, (flag, *_) in OPTIONS.items()}
    paths = {
        key: given[key] or getattr(project, key) or Path(as_typed(root / default)) for key, default in DEFAULTS.items()
    }
    names = project.profiles if given["profiles"] is None else given["profiles"].split(",")
    budgets = [seconds for seconds in (given["budget"], project.budget, BUDGET_S) if seconds is not None]
    if not 0 <= budgets[0] < float("inf"):
        raise BadInput(f"--gate-budget {budgets[0]:g}: expected a number of seconds, 0 or more")
    return GateOptions(
        **paths,
        profiles=tuple(name.strip() for name in names if name.strip()),
        baseline=given["baseline"],
        default_baseline=project.baseline,
        baselines=Path(as_typed(root / _BASELINES)),
        first_run=given["first_run"],
        against=given["against"],
        show_texts=given["show_texts"],
        strict=given["strict"] or project.strict,
        budget_s=budgets[0],
        baseline_python=given["baseline_python"],
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
    )


def rerun_command(item: "pytest.Item", manifest: Path) -> str:
    """Return the command that runs this item alone."""
    from pocketbert.compress.base.files import as_typed

    config = item.config
    given = {flag: config.getoption(flag) for flag, *_ in OPTIONS.values()} | {"--gate-manifest": manifest}
    given["--rootdir"] = config.getoption("rootdir")  # default paths are relative to it
    options: list[str] = []
    for flag, value in given.items():
        if value:
            typed = as_typed(value) if isinstance(value, Path) else str(value)
            options += [flag] if value is True else [flag, typed]
    # The gate's item names end in brackets, so none of them is a part of another one.
    if "pocketbert_item" in getattr(item, "fixturenames", ()) and _KEYWORD.fullmatch(item.name):
        package = ["--pyargs"] if config.getoption("pyargs") else []
        return shlex.join(["pytest", *package, *config.args, "-k", item.name, *options])
    file = Path(os.path.relpath(item.path, config.invocation_params.dir)).as_posix()
    return shlex.join(["pytest", f"{file}::{item.nodeid.partition('::')[2]}", *options])
