import numpy as np
import pytest

from pocketbert.bench.stats.runs import Run, comparable_times, preempted

CLEAN = Run(ms=10.0, cpu_ms=9.9, involuntary_switches=0, voluntary_switches=0)
SWITCHED = Run(ms=25.0, cpu_ms=10.2, involuntary_switches=2, voluntary_switches=0)
STOLEN = Run(ms=14.0, cpu_ms=10.1, involuntary_switches=0, voluntary_switches=0)
ASLEEP = Run(ms=14.0, cpu_ms=10.1, involuntary_switches=0, voluntary_switches=1)
BOTH = Run(ms=14.0, cpu_ms=10.1, involuntary_switches=1, voluntary_switches=1)


def test_a_run_that_lost_its_core_is_recognised() -> None:
    assert [preempted(run, 1) for run in (CLEAN, SWITCHED, STOLEN, ASLEEP, BOTH)] == [False, True, True, False, False]
    assert [preempted(run, 2) for run in (CLEAN, SWITCHED, STOLEN, ASLEEP)] == [False, True, False, False]


def test_on_one_thread_waiting_for_the_core_does_not_count_but_sleeping_does() -> None:
    first, second = comparable_times([CLEAN, SWITCHED, STOLEN], [CLEAN, ASLEEP, BOTH], threads=1)
    assert first.tolist() == [10.0, 10.2, 10.1]
    assert second.tolist() == [10.0, 14.0, 14.0]


def test_on_several_threads_preempted_requests_are_left_out_while_enough_are_left() -> None:
    first, second = comparable_times([CLEAN, CLEAN, SWITCHED], [STOLEN, CLEAN, CLEAN], threads=2)
    assert (first.tolist(), second.tolist()) == ([10.0, 10.0], [14.0, 10.0])
    first, second = comparable_times([CLEAN, SWITCHED, CLEAN], [SWITCHED, CLEAN, CLEAN], threads=2)
    assert (first.tolist(), second.tolist()) == ([10.0, 25.0, 10.0], [25.0, 10.0, 10.0])


def test_a_neighbour_does_not_change_what_is_compared() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 20)
    quiet = [Run(ms=10 + n, cpu_ms=10 + n, involuntary_switches=0, voluntary_switches=0) for n in noise]
    disturbed = [run._replace(ms=run.ms + 8, involuntary_switches=1) for run in quiet]
    baseline, candidate = comparable_times(quiet, disturbed, threads=1)
    assert np.median(candidate) == pytest.approx(np.median(baseline))
