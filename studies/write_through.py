"""What it costs a build to wait for the disk (fsync): ``python -m studies.write_through [RECIPE]``.

The recipe, by default `recipes/smoke.toml`, is built three times into empty folders: once to read everything into the
page cache, then as it is, then with an `os.fsync` that returns at once.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

RECIPE = Path("recipes/smoke.toml")
_PROGRAM = """
import json, os, sys, time
from pocketbert.bench.cli import main

fsync, waited = os.fsync, []

def timed(descriptor):
    begin = time.perf_counter()
    if {sync}:
        fsync(descriptor)
    waited.append(time.perf_counter() - begin)

os.fsync = timed
sys.argv = ["pocketbert", "build", {recipe!r}, "--artifacts-dir", {out!r}]
try:
    main()
finally:
    print(json.dumps(waited))
"""


def main() -> None:
    """Print the table."""
    recipe = Path(sys.argv[1]) if len(sys.argv) > 1 else RECIPE
    build(recipe, sync=True)
    rows = [[name, *build(recipe, sync)] for name, sync in (("as it is", True), ("without", False))]
    print(tabulate(rows, ["fsync", "calls", "ms in all", "longest ms", "s of the build"], tablefmt="github"))


def build(recipe: Path, sync: bool) -> tuple[int, str, str, str]:
    """Build once; return the number of fsyncs, their milliseconds in all, the longest, and the seconds of the build."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        code = _PROGRAM.format(sync=sync, recipe=str(recipe), out=folder)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(done.stderr)
    waited = json.loads(done.stdout.splitlines()[-1])
    return len(waited), f"{1000 * sum(waited):.0f}", f"{1000 * max(waited):.1f}", f"{seconds:.0f}"


if __name__ == "__main__":
    main()
