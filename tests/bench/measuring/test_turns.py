"""Children are started together and timed in turn; one that fails leaves the others alone."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from pocketbert.bench.measuring.turns import WARM_UP, open_together, order, time_in_turn, verify
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File

FILE = File("onnxruntime", Path("m.onnx"))


class Fake:
    """A child that writes down what it is told, and fails at a step or at a request."""

    def __init__(self, name: str, log: list[str], fails_at: str = "") -> None:
        self._name, self._log, self._fails_at, self._pending = name, log, fails_at, ""

    def _do(self, what: str) -> None:
        self._log.append(f"{self._name} {what}")
        if what == self._fails_at:
            raise ChildFailed(f"{what} failed")

    def begin(self, do: str, **_: Any) -> None:
        self._pending = do
        self._do(f"begin {do}")

    def begin_load(self, file: File) -> None:
        self.begin("load", file=file)

    def finish(self) -> None:
        self._do(f"finish {self._pending}")

    def requests(self, sequences: list[list[int]]) -> None:
        self._do(f"requests {len(sequences)}")

    def run(self, number: int) -> Run:
        self._do(f"run {number}")
        return Run(ms=float(number), cpu_ms=float(number), involuntary_switches=0, voluntary_switches=0)

    def verify(self) -> None:
        self._do("verify")


def children(log: list[str], **fails_at: str) -> dict[str, Child]:
    return cast("dict[str, Child]", {name: Fake(name, log, fails_at.get(name, "")) for name in "abc"})


def test_requests_are_run_in_turn_after_the_warm_up() -> None:
    log, done = list[str](), list[str]()
    runs, failed = time_in_turn(children(log), [7, 8, 9], done.append, warm_up=1)
    assert failed == {}
    expected = ["a 7", "b 7", "c 7", "b 7", "c 7", "a 7", "c 8", "a 8", "b 8", "c 9", "b 9", "a 9"]
    assert log == [line.replace(" ", " run ") for line in expected]
    assert done == [line[0] for line in expected]
    assert [run.ms for run in runs["b"]] == [7.0, 8.0, 9.0]


@pytest.mark.parametrize("names", ["abc", "abcd", "abcde"])
def test_no_child_runs_twice_in_a_row_and_each_has_every_place_equally_often(names: str) -> None:
    """A child that runs again at once finds its weights in the cache."""
    count = len(names)
    turns = [order(names, turn) for turn in range(2 * count)]
    assert all(Counter(place) == Counter(dict.fromkeys(names, 2)) for place in zip(*turns, strict=True))
    following = list(pairwise([name for turn in [*turns, turns[0]] for name in turn]))
    assert all(one != other for one, other in following)
    inside = Counter(pair for turn in turns for pair in pairwise(turn))
    assert set(inside.values()) == {count - 1}, "each has the same neighbours, as often before as after"


def test_two_children_change_places_every_turn() -> None:
    assert [order("ab", turn) for turn in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_few_requests_are_all_warmed_up() -> None:
    runs, _ = time_in_turn(children([]), range(WARM_UP - 2))
    assert [len(answered) for answered in runs.values()] == [WARM_UP - 2] * 3


def test_a_child_that_fails_leaves_the_round() -> None:
    log: list[str] = []
    runs, failed = time_in_turn(children(log, b="run 8"), [7, 8, 9], warm_up=0)
    assert {name: str(failure) for name, failure in failed.items()} == {"b": "run 8 failed"}
    assert {name: len(answered) for name, answered in runs.items()} == {"a": 3, "c": 3}
    assert log.count("b run 9") == 0


def test_all_children_import_then_load_at_the_same_time() -> None:
    log: list[str] = []
    given, failed = children(log, b="finish imports"), list[str]()

    @contextmanager
    def guard(name: str) -> Iterator[None]:
        try:
            yield
        except ChildFailed:
            failed.append(name)

    ready = open_together(given, dict.fromkeys("abc", FILE), guard)
    assert (list(ready), failed) == (["a", "c"], ["b"])
    assert log == [
        *("a begin imports", "b begin imports", "c begin imports"),
        *("a finish imports", "a begin load", "b finish imports", "c finish imports", "c begin load"),
        *("a finish load", "c finish load"),
    ]


def test_threads_and_cores_are_checked_after_a_request() -> None:
    log: list[str] = []
    child = children(log, c="verify")
    verify(child["a"], [[1], [2]])
    assert log == ["a requests 1", "a run 0", "a verify"]
    with pytest.raises(ChildFailed):
        verify(child["c"], [[1]])
