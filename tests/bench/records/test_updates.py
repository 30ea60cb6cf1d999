"""Changes that pass one by one add up, and the sum is told."""

import pytest

from pocketbert.bench.records.baseline import Baseline, make_baseline
from pocketbert.bench.records.results import Paired, Results
from pocketbert.bench.records.since import Since
from pocketbert.bench.records.updates import since
from pocketbert.bench.stats.intervals import Interval
from tests.support.results import INT8, made_up_run


def changed(results: Results, number: int, change: float | None, against: str = "") -> Results:
    """Return a run in which the INT8 file is another one, timed in pairs with the file `against`."""
    artifacts = [
        artifact.model_copy(update={"sha256": f"{number:064x}"}) if artifact.id == INT8 else artifact
        for artifact in results.artifacts
    ]
    exact = Interval(estimate=change or 0.0, low=change or 0.0, high=change or 0.0)
    pair = Paired(
        artifact=INT8,
        profile="cpu",
        length="128",
        against=against or f"{number - 1:064x}",
        outcome="ok",
        change=exact,
        change_p90=exact,
        limit=0.03,
        logs=[0.0] * 4,
        logs_p90=[0.0] * 4,
        preempted=0.0,
        seconds=4.0,
    )
    paired = [] if change is None else [pair]
    return results.model_copy(update={"artifacts": artifacts, "paired": paired, "created": f"run {number}"})


def chain(changes: list[float | None], start: Baseline | None = None) -> Baseline:
    baseline = start or make_baseline(changed(made_up_run(), 0, None), None).model_copy(update={"created": "start"})
    for number, change in enumerate(changes, start=len(baseline.updates) + 1):
        baseline = make_baseline(changed(made_up_run(), number, change), baseline)
        baseline = baseline.model_copy(update={"created": f"update {number}"})
    return baseline


def told(pinned: Baseline, current: Baseline) -> Since:
    return since("v1", pinned.updates, pinned.created, current.updates, current.created)


def test_eight_changes_of_two_and_a_half_percent_are_22_percent() -> None:
    pinned = chain([])
    found = told(pinned, chain([0.025] * 8))
    assert (found.updates, found.artifact, found.place) == (8, INT8, "cpu/128")
    assert found.change == pytest.approx(1.025**8 - 1, abs=1e-3)
    assert str(found) == f"8 updates since pin v1 add up to +21.8 % latency ({INT8} in cpu/128)"


def test_a_change_that_no_time_can_have_is_left_out() -> None:
    """Results are files: a change of -300 % or -99.99999999 % can stand in them."""
    for impossible in (-3.0, -1.0, -1 + 1e-10):
        assert "cpu/128" not in chain([impossible]).updates[0].latency.get(INT8, {})


def test_a_pin_in_the_middle_counts_what_came_later() -> None:
    pinned = chain([0.025] * 3)
    found = told(pinned, chain([0.1, -0.05], pinned))
    assert found.updates == 2
    assert found.change == pytest.approx(1.1 * 0.95 - 1, abs=1e-3)
    assert str(told(pinned, pinned)) == "0 updates since pin v1"
    one = told(pinned, chain([0.02], pinned))
    assert str(one) == f"1 update since pin v1 adds up to +2.0 % latency ({INT8} in cpu/128)"


def test_a_pin_that_is_no_predecessor_is_said_so() -> None:
    pinned, other = chain([0.025] * 3), chain([0.03] * 5)
    for current in (other, chain([]), chain([0.025] * 2), pinned.model_copy(update={"created": "anew"})):
        assert told(pinned, current).updates is None
        assert str(told(pinned, current)).startswith("updates since pin v1: unknown")


def test_without_pairs_the_ratios_to_the_reference_tell_if_they_compare() -> None:
    start, slower = chain([]), changed(made_up_run(), 1, None)
    artifacts = []
    for artifact in slower.artifacts:
        latency = [
            entry.model_copy(
                update={"ratio": Interval(**{end: 1.1 * value for end, value in entry.ratio.model_dump().items()})}
            )
            for entry in artifact.latency
        ]
        both = artifact.id in (INT8, "student-fp32.onnx")
        artifacts.append(artifact.model_copy(update={"latency": latency} if both else {}))
    slower = slower.model_copy(update={"artifacts": artifacts})
    [update] = make_baseline(slower, start).updates
    assert update.latency[INT8]["mobile-1t/mix"] == pytest.approx(1.1, abs=1e-4)
    assert set(update.latency["student-fp32.onnx"].values()) == {1.0}  # the same file
    elsewhere = slower.machine.model_copy(update={"fingerprint": "another"})
    [update] = make_baseline(slower.model_copy(update={"machine": elsewhere}), start).updates
    assert INT8 not in update.latency
    teacher = [a.model_copy(update={"macs": 1} if a.id == slower.reference else {}) for a in slower.artifacts]
    [update] = make_baseline(slower.model_copy(update={"artifacts": teacher}), start).updates
    assert INT8 not in update.latency, "another teacher"
    against_a_pin = changed(slower, 1, 0.5, against="f" * 64)  # not the replaced file
    [update] = make_baseline(against_a_pin, start).updates
    assert update.latency[INT8]["cpu/128"] == pytest.approx(1.1, abs=1e-4)
