"""Library versions of another Python interpreter, to compare with this one's."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pocketbert.bench.machine.fingerprint import PACKAGES
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import RUNTIMES

_TIMEOUT_S = 120
_SCRIPT = """
import importlib, importlib.metadata, json, sys
for name in sys.argv[2].split(","):
    try:
        importlib.import_module(name)
    except ImportError:
        sys.exit(f"cannot import {name}")
found = {}
for name in sys.argv[1].split(","):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def read_versions(python: Path, runtimes: Iterable[str]) -> dict[str, str]:
    """Return the versions of our libraries under another interpreter.

    Raises:
        BadInput: `python` is not an interpreter, or cannot import NumPy or the packages of these runtimes.
    """
    where = f"--gate-baseline-python {python}"
    needed = ["numpy", *sorted({RUNTIMES[runtime] for runtime in runtimes})]
    try:
        ran = subprocess.run(
            [str(python), "-P", "-c", _SCRIPT, ",".join(PACKAGES), ",".join(needed)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": ""},  # as in the timed runs
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no answer within {_TIMEOUT_S} s"
        raise BadInput(f"{where}: cannot be run ({reason}); expected: a Python executable") from error
    if ran.returncode:
        reason = (ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"])[-1]
        raise BadInput(f"{where}: {reason}; expected: Python 3.11 or later with {', '.join(needed)}")
    try:
        versions: dict[str, str] = json.loads(ran.stdout)
    except ValueError as error:
        raise BadInput(f"{where}: printed {ran.stdout[:60]!r}; expected: a Python executable") from error
    return versions
