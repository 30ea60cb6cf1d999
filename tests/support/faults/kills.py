"""Ends tiny builds, gate runs and commands by signals before each change to the file system, and runs them again.

    python -m tests.support.faults.kills                               # SIGKILL at every change, SIGTERM and SIGINT too
    python -m tests.support.faults.kills --only build gate --most 20   # at most 20 ends of each kind
    python -m tests.support.faults.kills --signals SIGKILL             # one signal

`torn` is a SIGKILL amid a write: the file that was opened last holds half of what was written. After each end no
finished file may be lost or torn, and the next run must end as if nothing had happened: same exit code, files, figures.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from tests.support import REPO
from tests.support.faults import builds, gates
from tests.support.faults.forks import End, Run, run, warm
from tests.support.faults.program import COMMAND, SAID, Program, names

PROGRAMS = {
    "build": builds.BUILD,
    "rebuild": builds.REBUILD,
    "gate": gates.GATE,
    "update": gates.UPDATE,
    "pin": gates.PIN,
    "prune": gates.PRUNE,
}
KINDS = {"SIGKILL": 1, "torn": 2, "SIGTERM": 5, "SIGINT": 5}
"""How a run is ended -> at every how many changes."""


class Row(NamedTuple):
    """What became of one program under one kind of end."""

    program: str
    kind: str
    changes: int
    ended: int
    wrong: list[str]


class Trial:
    """A program in a folder, prepared and run once to its end."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program, self._folder = program, folder
        self.before, self.root = folder / "before", folder / "root"
        folder.mkdir(exist_ok=True)
        if not self.before.exists():
            prepared = run(self._prepare, folder / "prepared")
            if prepared.code:
                raise RuntimeError(f"{program.name} cannot be prepared: {prepared.said[-2000:]}")
            warm(prepared.modules)
        self.whole = self._run()
        warm(self.whole.modules)
        if program.warm:
            program.warm(folder)
        self._expected = program.result(self.root)
        self._names = names(self.root)

    def _prepare(self) -> int:
        self._program.prepare(self._folder)
        return 0

    def _run(self, end: End | None = None) -> Run:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.before, self.root, symlinks=True)
        return run(self._program.run, self.root, end)

    def faults(self, end: End) -> Iterator[str]:
        """End a run, check what it left, run the program again, and yield what is wrong."""
        program, number = self._program, signal.Signals(end.number)
        ended = self._run(end)
        codes = program.codes or COMMAND
        if ended.code not in codes[number]:
            yield f"exit {ended.code}: {ended.said[-500:]}"
        if program.codes is None and number in SAID and ended.said.splitlines()[-1:] != [SAID[number]]:
            yield f"said {ended.said[-500:]!r}"
        if number != signal.SIGKILL and (left := [*(self.root / "tmp").iterdir()]):
            yield f"left {left}"
        yield from self._damage()
        if program.keeps and (lost := (names(self.before) & self._names) - names(self.root)):
            yield f"lost {sorted(lost)}"
        again = run(program.run, self.root)
        if again.code not in (self.whole.code, *program.again):
            yield f"then exit {again.code}: {again.said[-500:]}"
            return
        yield from self._damage()
        if program.result(self.root) != self._expected:
            yield "then another result"
        if different := names(self.root) ^ self._names:
            yield f"then other files: {sorted(different)}"

    def _damage(self) -> Iterator[str]:
        try:
            yield from self._program.damage(self.root)
        except Exception as error:  # a file that cannot be read
            yield f"{type(error).__name__}: {error}"


def ends(whole: Run, kind: str, most: int | None) -> list[End]:
    """Return where a run is ended: spread evenly if there are more places than `most`.

    The order is mixed, so that a part of them tells of every phase.
    """
    torn = kind == "torn"
    places = [*(whole.torn if torn else range(1, whole.changes + 1))][:: KINDS[kind]]
    if most is not None and len(places) > most:
        places = [places[(2 * number + 1) * len(places) // (2 * most)] for number in range(most)]
    random.Random(0).shuffle(places)  # noqa: S311
    return [End(place, signal.SIGKILL if torn else signal.Signals[kind], torn) for place in places]


def rows(only: list[str], kinds: list[str], most: int | None, folder: Path) -> Iterator[Row]:
    """Try each program; programs with the same preparation share it."""
    for name in only:
        program = PROGRAMS[name]
        (builds if name.endswith("build") else gates).imported()
        trial = Trial(program, folder / program.prepare.__name__)
        for kind in kinds:
            wrong, chosen = list[str](), ends(trial.whole, kind, most)
            for number, end in enumerate(chosen):
                if number % 10 == 0:
                    print(f"{name} {kind}: {number} of {len(chosen)}", file=sys.stderr, flush=True)
                found = [f"{name} {kind} at change {end.change}: {fault}" for fault in trial.faults(end)]
                wrong += found[:1]
                print(*found, sep="\n", end="\n" * bool(found), file=sys.stderr, flush=True)
            yield Row(program.name, kind, trial.whole.changes, len(chosen), wrong)


def assert_survived(*programs: str, kinds: list[str], most: int) -> None:
    """Run this command in a process of its own, because pytest's may have trained; nothing may go wrong."""
    command = [sys.executable, "-m", __name__, "--only", *programs, "--signals", *kinds, "--most", str(most)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=1800)
    *_, last = done.stdout.splitlines() or [""]
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    ended, wrong = last.split()[-2:]
    assert int(ended) >= len(programs) and wrong == "0"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.faults.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=[*PROGRAMS], help="programs (default: all)")
    parser.add_argument("--signals", nargs="+", choices=KINDS, default=[*KINDS], help="kinds of ends (default: all)")
    parser.add_argument("--most", type=int, help="at most so many ends of each program by each signal")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; threads would be missing in forks
    table = []
    with tempfile.TemporaryDirectory() as name:
        for row in rows(asked.only, asked.signals, asked.most, Path(name)):
            table.append(row)
    figures = [(*row[:-1], len(row.wrong)) for row in table]
    total = ("in all", "", "", sum(row.ended for row in table), sum(len(row.wrong) for row in table))
    print(tabulate([*figures, total], headers=["program", "signal", "changes", "ended", "went wrong"]))
    sys.exit(bool(total[-1]))


if __name__ == "__main__":
    main()
