"""Live verdicts, exactly as the gate takes them, and the pairs they rest on, kept as one JSON object per line."""

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
from pocketbert.bench.measuring.rerun import Question, ask
from pocketbert.bench.records.results import Profile
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import atomic_write
from studies.verdicts.columns import LENGTH, Column
from studies.verdicts.replay import in_order

_BURN = "import numpy; a = numpy.random.rand(400, 400)\nwhile True: a @ a"
_NEIGHBOURS = 2
MOST_PAIRS = 1800
"""Of one recording: fifty verdicts on the threshold itself, where each may take the most pairs there are."""


@contextmanager
def load(busy: bool) -> Iterator[None]:
    """Two processes that multiply matrices on one thread each, or none."""
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
    """The study's file; what is in it already is not taken again.

    Args:
        subject: the student's SHA-256 and the machine's fingerprint; a record of another one is refused.

    Raises:
        BadInput: the file is of another subject.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path = path
        self.pairs: dict[str, list[dict[str, Any]]] = {}
        self.live: dict[str, list[dict[str, Any]]] = {}
        self.work: dict[float, int] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        entries = [entry for line in lines if (entry := _whole(line))]
        if not entries:
            self.add({"subject": subject})
        elif entries[0].get("subject") != subject:
            raise BadInput(f"{path}: of {entries[0].get('subject')}, not of {subject}; move it away to record anew")
        for entry in entries[1:]:
            self._take(entry)

    def add(self, entry: dict[str, Any]) -> None:
        """One more line, written through at once: a study that is interrupted goes on from it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._take(entry)

    def pack(self, path: Path) -> None:
        """The record compressed: a repository carries it, but nobody reads it line by line."""
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
    """Takes what one column still lacks, and puts it on record."""

    column: Column
    baseline: Side
    candidate: Side
    profile: Profile
    record: Record

    def take_live(self, wanted: int, done: Callable[[], None]) -> None:
        """Verdicts until the record has `wanted` of this column."""
        name = self.column.name
        while len(self.record.live.get(name, [])) < wanted:
            question = Question(LENGTH, self.column.limit)
            seconds = ask(self.baseline, self.candidate, self.profile, [question], BUDGET_S)
            answer = question.answer("student", self.profile.name, "", seconds)
            for pair in question.pairs:
                self.record.add(pair_entry(self.column, pair, seconds / len(question.pairs)))
            pairs = len(answer.logs)
            self.record.add({"column": name, "outcome": answer.outcome, "pairs": pairs, "seconds": answer.seconds})
            done()

    def take_pairs(self, wanted: int, done: Callable[[], None]) -> None:
        """Pairs until they make `wanted` verdicts of which no two share a pair, or `MOST_PAIRS` are there."""
        while len(taken := self.record.pairs.get(self.column.recording, [])) < MOST_PAIRS:
            if in_order(taken, self.column.limit).total >= wanted:
                return
            begin = time.monotonic()
            pair = time_pair(self.baseline, self.candidate, self.profile, [LENGTH], len(taken))[LENGTH]
            self.record.add(pair_entry(self.column, pair, time.monotonic() - begin))
            done()


def _whole(line: str) -> dict[str, Any] | None:
    """A line of the record; None for one that was cut short by an interruption."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return entry


def pair_entry(column: Column, pair: Pair, seconds: float) -> dict[str, Any]:
    """A pair as the record keeps it: its log ratios, and the wall times that other tools' rules would have seen."""
    return {
        "recording": column.recording,
        "p50": round(pair.log_p50, 6),
        "p90": round(pair.log_p90, 6),
        "preempted": round(pair.preempted, 3),
        "seconds": round(seconds, 3),
        "baseline_ms": [round(run.ms, 3) for run in pair.baseline],
        "candidate_ms": [round(run.ms, 3) for run in pair.candidate],
    }
