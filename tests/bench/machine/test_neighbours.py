import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pocketbert.bench.machine.neighbours import Neighbours, _core_numbers, explains


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
    assert list(_core_numbers()) == [12, 14]
    assert Neighbours([13, 14], []).share() >= 0
    monkeypatch.setattr("pocketbert.bench.machine.neighbours._STAT", tmp_path / "none")
    assert list(zip(_core_numbers(), "ab", strict=False)) == [(0, "a"), (1, "b")]


@pytest.mark.parametrize(("share", "slow_down"), [(0.0, 0.0), (0.2, 0.25), (0.5, 1.0), (1.0, float("inf"))])
def test_a_neighbour_explains_a_slow_down_by_its_share(share: float, slow_down: float) -> None:
    assert explains(share) == pytest.approx(slow_down)


def test_a_process_of_ours_that_dies_is_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its seconds before the measurement must not count as a neighbour's."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(1.0)
    cores = sorted(os.sched_getaffinity(0))
    watch = Neighbours(cores, [child.pid])
    _, before = watch._read()
    child.kill()
    child.wait()
    assert before >= 0.2
    assert watch._read()[1] >= before
