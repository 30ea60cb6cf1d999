"""Records live verdicts, taken exactly as by the gate, and their pairs, one JSON object per line."""

import json
import lzma
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketbert.bench.gate.options import BUDGET_S
from pocketbert.bench.measuring.pairs import Pair, Side, time_pair
from pocketbert.bench.measuring.rerun import Series, take_pairs
from pocketbert.bench.records.results import Profile
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from studies.verdicts.columns import LENGTH, Column
from studies.verdicts.replay import in_order

_BURN = "import os, numpy; a = numpy.random.rand(400, 400); parent = os.getppid()\nwhile os.getppid() == parent: a @ a"
"""A killed study must not leave its neighbours behind, so they look for their parent."""
_NEIGHBOURS = 2
MOST_PAIRS = 2400
"""Most pairs of one recording: enough for 200 verdicts of equal files where a busy machine needs a dozen pairs each."""


@contextmanager
def load(busy: bool) -> Iterator[None]:
    """If `busy`, keep two processes multiplying matrices on one thread each inside the block."""
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    neighbours = [
        subprocess.Popen([sys.executable, "-c", _BURN], env=environment) for _ in range(_NEIGHBOURS if busy else 0)
    ]
    try:
        time.sleep(2 if busy else 0)
        yield
        if any(neighbour.poll() is not None for neighbour in neighbours):
            raise RuntimeError("a busy neighbour ended early, so the machine was not busy")
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


class Record:
    """The file of the study; recorded entries are not taken again.

    Args:
        subject: the student's SHA-256 and the machine's fingerprint; a record of another subject is refused.

    Raises:
        BadInput: the file records another subject.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path = path
        self.pairs: dict[str, list[dict[str, Any]]] = {}
        self.live: dict[str, list[dict[str, Any]]] = {}
        self.work: dict[float, int] = {}
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text and not text.endswith("\n"):  # the next entry must not stand on a line that was cut
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")
        lines = text.splitlines()
        entries = [entry for line in lines if (entry := _whole(line))]
        if not entries:
            self.add({"subject": subject})
        elif entries[0].get("subject") != subject:
            found = entries[0].get("subject")
            raise BadInput(f"{path} is a record of {found}, not of {subject}; move the file away to start anew")
        for entry in entries[1:]:
            self._take(entry)

    def add(self, entry: dict[str, Any]) -> None:
        """Append a line at once, so that an interrupted study can resume after it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._take(entry)

    def pack(self, path: Path) -> None:
        """Write the record compressed, for the repository."""
        with atomic_write(path) as temporary:
            temporary.write_bytes(lzma.compress(self._path.read_bytes()))

    def _take(self, entry: dict[str, Any]) -> None:
        if "subject" in entry:
            return
        if "columns" in entry:
            self.work[entry["slow_down"]] = entry["columns"]
        elif "outcome" in entry:
            self.live.setdefault(entry["column"], []).append(entry)
        else:
            self.pairs.setdefault(entry["recording"], []).append(entry)


@dataclass(frozen=True)
class Taker:
    """Takes and records the verdicts and pairs that one column still lacks."""

    column: Column
    baseline: Side
    candidate: Side
    profile: Profile
    record: Record

    def take_live(self, wanted: int, done: Callable[[], None]) -> None:
        """Take live verdicts until the record has `wanted` of this column."""
        name = self.column.name
        while len(self.record.live.get(name, [])) < wanted:
            series = Series(LENGTH, self.column.limit)
            seconds = take_pairs(self.baseline, self.candidate, self.profile, [series], BUDGET_S)
            result = series.result("student", self.profile.name, "", seconds, BUDGET_S)
            for pair in series.pairs:
                self.record.add(pair_entry(self.column, pair, seconds / len(series.pairs)))
            pairs = len(result.logs)
            self.record.add({"column": name, "outcome": result.outcome, "pairs": pairs, "seconds": result.seconds})
            done()

    def take_pairs(self, wanted: int, done: Callable[[], None]) -> None:
        """Time pairs until they make `wanted` verdicts from disjoint pairs, or until there are `MOST_PAIRS`."""
        while len(taken := self.record.pairs.get(self.column.recording, [])) < MOST_PAIRS:
            if in_order(taken, self.column.limit).total >= wanted:
                return
            begin = time.monotonic()
            pair = time_pair(self.baseline, self.candidate, self.profile, [LENGTH], len(taken))[LENGTH]
            self.record.add(pair_entry(self.column, pair, time.monotonic() - begin))
            done()


def _whole(line: str) -> dict[str, Any] | None:
    """Parse a line of the record; None for a line truncated by an interruption."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return entry


def pair_entry(column: Column, pair: Pair, seconds: float) -> dict[str, Any]:
    """Return a pair as a line of the record: its log ratios, and the wall times for the rules of other tools."""
    return {
        "recording": column.recording,
        "p50": round(pair.log_p50, 6),
        "p90": round(pair.log_p90, 6),
        "preempted": round(pair.preempted, 3),
        "seconds": round(seconds, 3),
        "baseline_ms": [round(run.ms, 3) for run in pair.baseline],
        "candidate_ms": [round(run.ms, 3) for run in pair.candidate],
    }
