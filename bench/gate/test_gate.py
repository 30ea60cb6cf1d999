"""The gate as pytest items: one per artifact × profile/length × metric, from the manifest and the baseline."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pocketbert.bench.gate.fixtures import fail
from pocketbert.bench.gate.plugin import GATE
from pocketbert.bench.records.results import Verdict
from pocketbert.bench.verdicts.items import Item


class Replay:
    """A timer for pytest-benchmark that replays recorded times: `pedantic` reads it before and after every round."""

    __name__ = "recorded"

    def __init__(self) -> None:
        self._clock = 0.0
        self._steps: Iterator[float] = iter(())

    def record(self, samples_s: list[float]) -> None:
        """Set the times of the next rounds, seconds."""
        self._steps = iter([step for sample in samples_s for step in (0.0, sample)])

    def __call__(self) -> float:
        self._clock += next(self._steps)
        return self._clock


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item per quantity of the test's metric; a latency item gets a timer of its own."""
    session = metafunc.config.stash[GATE].open()
    metric = metafunc.function.__name__.removeprefix("test_")
    items = [item for item in session.items if item.metric == metric] if session else []
    if "replay" not in metafunc.fixturenames:
        metafunc.parametrize("pocketbert_item", items, ids=str)
        return
    cases = []
    for item in items:
        replay = Replay()
        marks = pytest.mark.benchmark(group=str(item.place), timer=replay)
        cases.append(pytest.param(item, replay, marks=marks, id=str(item)))
    metafunc.parametrize(("pocketbert_item", "replay"), cases)


@pytest.fixture
def verdict(
    _pocketbert_verdicts: dict[Item, Verdict], pocketbert_item: Item, record_property: Callable[[str, object], None]
) -> Verdict:
    """The verdict on this item; its figures go into ``--junitxml``."""
    found = _pocketbert_verdicts[pocketbert_item]
    for name in ("outcome", "artifact", "profile", "baseline", "measured", "threshold"):
        record_property(name, getattr(found, name))
    return found


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> str:
    """The command that runs this item alone."""
    return request.config.stash[GATE].alone(request.node)


@pytest.mark.latency
def test_latency(
    request: pytest.FixtureRequest, verdict: Verdict, pocketbert_item: Item, replay: Replay, benchmark: Any, alone: str
) -> None:
    session = request.config.stash[GATE].session
    if session and (samples := session.samples_s(pocketbert_item)):
        replay.record(samples)
        benchmark.extra_info.update(verdict=verdict.outcome, ratio=verdict.measured)
        benchmark.pedantic(lambda: None, rounds=len(samples))
    else:
        benchmark.skipped = True
    _pass_or_fail(verdict, alone)


@pytest.mark.memory
def test_memory(verdict: Verdict, alone: str) -> None:
    _pass_or_fail(verdict, alone)


@pytest.mark.size
def test_size(verdict: Verdict, alone: str) -> None:
    _pass_or_fail(verdict, alone)


@pytest.mark.accuracy
def test_accuracy(verdict: Verdict, alone: str) -> None:
    _pass_or_fail(verdict, alone)


def _pass_or_fail(verdict: Verdict, alone: str) -> None:
    if verdict.fails:
        fail([verdict.message], alone)
