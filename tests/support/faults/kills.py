"""Ends a tiny build before each change that it makes to the file system, and lets a second build finish.

    OMP_NUM_THREADS=1 python -m tests.support.faults.kills                  # killed at every change
    OMP_NUM_THREADS=1 python -m tests.support.faults.kills 25               # at every 25th
    OMP_NUM_THREADS=1 python -m tests.support.faults.kills 25 SIGTERM       # a signal that builds answer; also SIGINT

The builds are forked after the imports, so each takes the time of its work alone.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketbert.compress.base.quiet import quiet
from tests.support.models import write_tiny_data, write_tiny_model

RECIPE = """
name = "killed"
[task]
dataset = "{folder}/data"
max_length = 16
[teacher]
model = "{folder}/model"
epochs = 2
learning_rate = 3e-3
batch_size = 32
[guard]
max_drop = 0.9
[[stage]]
kind = "distill"
preset = "tinybert"
student = {{ layers = 2 }}
epochs = 2
batch_size = 32
[[stage]]
kind = "prune-ffn"
ratio = 0.5
calibration_rows = 8
[[artifact]]
format = "torch"
[[artifact]]
format = "torch"
precision = "int8"
"""
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"}
SAID = {signal.SIGINT: "pocketbert: interrupted", signal.SIGTERM: "pocketbert: terminated"}
FAILED = 1


def write_recipe(folder: Path) -> None:
    """Write model, data and recipe into `folder`; in a process of its own, because it computes."""
    write_tiny_model(folder / "model")
    write_tiny_data(folder / "data", rows=48)
    (folder / "killed.toml").write_text(RECIPE.format(folder=folder), encoding="utf-8")


def imported() -> None:
    """Import what a build needs, so that forks do not."""
    import transformers.trainer  # noqa: F401

    import pocketbert.bench.cli
    import pocketbert.compress.pipeline.build  # noqa: F401

    quiet()


def forked(work: Callable[[], object]) -> int:
    """Run `work` in a fork; returns its exit code, or the negative number of the signal that killed it."""
    sys.stdout.flush()
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(0)


def command(folder: Path, said: Path, at: int = 0, number: int = signal.SIGKILL) -> None:
    """Run `pocketbert build ../killed.toml` in `folder`, and end the process with its exit code.

    Args:
        said: a file for what the command prints, and for the number of changes that it made.
        at: the signal `number` arrives before this change to the file system; 0: never.
    """
    from pocketbert.bench.cli import main

    changes = 0

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal changes
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in CHANGES) and not str(arguments[0]).startswith(("/dev", "/proc")):
            changes += 1
            if changes == at:
                os.kill(os.getpid(), number)

    folder.mkdir(exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")
    os.chdir(folder)
    sys.argv = ["pocketbert", "build", "../killed.toml"]
    with said.open("w") as stream:
        sys.stdout = sys.stderr = stream
        sys.addaudithook(heard)
        try:
            main()
        except SystemExit as ended:
            stream.write(f"{changes}\n")
            stream.flush()
            os._exit(ended.code if isinstance(ended.code, int) else 0)


def result(root: Path) -> dict[str, Any]:
    """Return what two builds of a recipe must have in common."""
    manifest: dict[str, Any] = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    for step in manifest["steps"]:
        step["seconds"], step["remarks"] = 0, []  # how long the teacher took, and whether it was cached
    if manifest["linear_control"]:
        manifest["linear_control"]["seconds"] = 0
    return manifest


def leftovers(folder: Path) -> list[str]:
    """Return what a finished build in `folder` must not leave."""
    left = [*folder.rglob(".*.tmp*"), *folder.glob("artifacts/killed/.scratch/*"), *(folder / "tmp").iterdir()]
    return [path.relative_to(folder).as_posix() for path in left]


def ended_builds(folder: Path, every: int, number: int = signal.SIGKILL) -> tuple[int, list[str]]:
    """End a build before each `every`-th change by a signal; returns how many were ended, and what went wrong."""
    imported()
    said, whole = folder / "said.txt", folder / "whole"
    for work in (lambda: write_recipe(folder), lambda: command(whole, said)):
        if code := forked(work):
            return 0, [f"the build without a signal: exit {code}: {said.read_text()[-500:]}"]
    expected, wrong, ended = result(whole / "artifacts/killed"), list[str](), 0
    expected_code = -number if number == signal.SIGKILL else 128 + number
    changes = int(said.read_text().splitlines()[-1])
    for at in range(1, changes + 1, every):
        root = folder / f"ended-{at}"
        first = forked(lambda root=root, at=at: command(root, said, at, number))  # type: ignore[misc]
        last = said.read_text().splitlines()[-2:-1]
        temporary = [] if number == signal.SIGKILL else [*root.rglob(".*.tmp*"), *(root / "tmp").iterdir()]
        second = forked(lambda root=root: command(root, said))  # type: ignore[misc]
        ended += 1
        if (first, second) != (expected_code, 0):
            wrong.append(f"ended at change {at}: exit {first}, then {second}: {said.read_text()[-500:]}")
        elif number in SAID and last != [SAID[signal.Signals(number)]]:
            wrong.append(f"ended at change {at}: said {last}")
        elif result(root / "artifacts/killed") != expected:
            wrong.append(f"ended at change {at}: another result")
        elif left := temporary + leftovers(root):
            wrong.append(f"ended at change {at}: left {', '.join(map(str, left))}")
        shutil.rmtree(root, ignore_errors=True)
    return ended, wrong


if __name__ == "__main__":
    step, kind = [*sys.argv[1:], *["1", "SIGKILL"][len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as name:
        done, faults = ended_builds(Path(name), int(step), signal.Signals[kind])
    print(f"{done} builds ended by {kind}, {len(faults)} went wrong")
    sys.exit("\n".join(faults) or 0)
