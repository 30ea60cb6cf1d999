import multiprocessing
import os
import time
from pathlib import Path

import pytest

from pocketbert.bench.machine.neighbours import Neighbours, _numbers, explains
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.rules import judge_latency


def burn() -> None:
    while True:
        pass


@pytest.mark.idle
def test_a_busy_process_is_seen_unless_it_is_ours() -> None:
    core = min(os.sched_getaffinity(0))
    process = multiprocessing.get_context("spawn").Process(target=burn, daemon=True)
    process.start()
    try:
        os.sched_setaffinity(process.pid or 0, {core})
        time.sleep(1.0)
        stranger, own = Neighbours([core], []), Neighbours([core], [process.pid or 0])
        time.sleep(2.0)
        assert stranger.share() > own.share() + 0.3
    finally:
        process.kill()


def test_cores_that_are_off_or_hidden_are_not_mistaken_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  1 2 3\ncpu12 1 2 3\ncpu14 1 2 3\nintr 0\n")
    monkeypatch.setattr("pocketbert.bench.machine.neighbours._STAT", stat)
    assert list(_numbers()) == [12, 14]
    assert Neighbours([13, 14], []).share() >= 0
    monkeypatch.setattr("pocketbert.bench.machine.neighbours._STAT", tmp_path / "none")
    assert list(zip(_numbers(), "ab", strict=False)) == [(0, "a"), (1, "b")]


def test_what_a_neighbour_explains_is_not_blamed_on_the_artifact() -> None:
    was = Interval(estimate=1.0, low=0.99, high=1.01)
    slower = Interval(estimate=1.4, low=1.38, high=1.42)
    assert judge_latency(slower, was, 0.05, 0.0).outcome == "regressed"
    assert judge_latency(slower, was, 0.05, 0.3).outcome == "inconclusive"
    assert judge_latency(Interval(estimate=3, low=2.9, high=3.1), was, 0.05, 0.3).outcome == "regressed"
    assert judge_latency(was, slower, 0.05, 0.3).outcome == "ok"
    assert explains(0.5) == pytest.approx(1.0)
