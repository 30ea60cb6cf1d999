"""Another Python, whose libraries are to be compared with this one's."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pocketbert.bench.machine.fingerprint import PACKAGES
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import RUNTIMES

_PATIENCE_S = 120
_ASK = """
import importlib, importlib.metadata, json, sys
for name in sys.argv[2].split(","):
    importlib.import_module(name)
found = {}
for name in sys.argv[1].split(","):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def read_versions(python: Path, runtimes: Iterable[str]) -> dict[str, str]:
    """The versions of our libraries that this interpreter has.

    Raises:
        BadInput: it is no interpreter, or lacks NumPy or one of these runtimes.
    """
    needed = ["numpy", *sorted({RUNTIMES[runtime] for runtime in runtimes})]
    try:
        asked = subprocess.run(
            [str(python), "-P", "-c", _ASK, ",".join(PACKAGES), ",".join(needed)],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            env={**os.environ, "PYTHONPATH": ""},  # as it is timed
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(
            f"--gate-baseline-python {python}: cannot be run ({error}); legal: a Python executable"
        ) from error
    if asked.returncode:
        words = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        legal = f"Python 3.11 or later with {', '.join(needed)}"
        raise BadInput(f"--gate-baseline-python {python}: {words}; legal: {legal}")
    try:
        versions: dict[str, str] = json.loads(asked.stdout)
    except ValueError as error:
        raise BadInput(
            f"--gate-baseline-python {python}: no Python executable; it answered {asked.stdout[:60]!r}"
        ) from error
    return versions
