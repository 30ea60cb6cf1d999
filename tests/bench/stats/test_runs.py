import numpy as np
import pytest

from pocketbert.bench.stats.runs import Run, clean, preempted

CLEAN = Run(ms=10.0, cpu_ms=9.9, forced=0, given=0)
SWITCHED = Run(ms=25.0, cpu_ms=10.2, forced=2, given=0)
STOLEN = Run(ms=14.0, cpu_ms=10.1, forced=0, given=0)
ASLEEP = Run(ms=14.0, cpu_ms=10.1, forced=0, given=1)
BOTH = Run(ms=14.0, cpu_ms=10.1, forced=1, given=1)


def test_a_run_that_lost_its_core_is_recognised() -> None:
    assert [preempted(run, 1) for run in (CLEAN, SWITCHED, STOLEN, ASLEEP, BOTH)] == [False, True, True, False, False]
    assert [preempted(run, 2) for run in (CLEAN, SWITCHED, STOLEN, ASLEEP)] == [False, True, False, False]


def test_on_one_thread_waiting_for_the_core_does_not_count_but_sleeping_does() -> None:
    first, second = clean([CLEAN, SWITCHED, STOLEN], [CLEAN, ASLEEP, BOTH], threads=1)
    assert first.tolist() == [10.0, 10.2, 10.1]
    assert second.tolist() == [10.0, 14.0, 14.0]


def test_on_several_threads_preempted_requests_are_left_out_while_enough_are_left() -> None:
    first, second = clean([CLEAN, CLEAN, SWITCHED], [STOLEN, CLEAN, CLEAN], threads=2)
    assert (first.tolist(), second.tolist()) == ([10.0, 10.0], [14.0, 10.0])
    first, second = clean([CLEAN, SWITCHED, CLEAN], [SWITCHED, CLEAN, CLEAN], threads=2)
    assert (first.tolist(), second.tolist()) == ([10.0, 25.0, 10.0], [25.0, 10.0, 10.0])


def test_a_neighbour_does_not_change_what_is_compared() -> None:
    rng = np.random.default_rng(0)
    quiet = [Run(ms=10 + noise, cpu_ms=10 + noise, forced=0, given=0) for noise in rng.normal(0, 0.1, 20)]
    disturbed = [Run(ms=run.ms + 8, cpu_ms=run.cpu_ms, forced=1, given=0) for run in quiet]
    baseline, candidate = clean(quiet, disturbed, threads=1)
    assert np.median(candidate) == pytest.approx(np.median(baseline))
