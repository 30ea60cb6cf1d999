"""Two runs, figure by figure."""

from collections.abc import Callable

import numpy as np
import pytest

from pocketbert.bench.records.outcomes import pack
from pocketbert.bench.records.results import Place, Results
from pocketbert.bench.report.differences import Difference, Differences
from pocketbert.bench.report.format.numbers import Quantity
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import TaskSpec
from pocketbert.compress.tasks import Outcomes
from pocketbert.compress.tasks.paired import newcombe_drop
from tests.support.results import INT8, slower

Change = Callable[..., Results]
HEADLINE = Place("mobile-1t", "128")


def of(found: Differences, quantity: str, place: Place | None = None) -> Difference:
    return next(d for d in found.by_artifact[INT8] if (d.quantity, d.place) == (quantity, place))


@pytest.mark.parametrize(("factor", "direction"), [(1.0, None), (1.015, None), (1.10, "more"), (0.9, "less")])
def test_latency_is_said_to_change_only_where_its_interval_says_so(
    results: Results, changed: Change, factor: float, direction: str | None
) -> None:
    found = Differences(results, changed(latency=slower(results, factor).latency))
    d = of(found, "latency", HEADLINE)
    assert d.change
    assert d.change.estimate == pytest.approx(factor - 1)
    # Two intervals of ±1.5 % each, independent: their logs add up as squares.
    assert d.change.high == pytest.approx(factor * np.exp(np.hypot(np.log(1.015), np.log(1 / 0.985))) - 1)
    assert d.direction == direction
    assert d.worse == (direction == "more")


def test_scores_are_paired_row_by_row(results: Results, changed: Change) -> None:
    draw = np.random.default_rng(0)
    was = draw.random(3472) < 0.86
    now = was & (draw.random(3472) > 0.02)
    score = results.artifact(INT8).accuracy
    assert score
    before = changed(accuracy=score.model_copy(update=pack(was) | {"value": was.mean()}))
    after = changed(accuracy=score.model_copy(update=pack(now) | {"value": now.mean()}))
    drop = newcombe_drop(was, now)
    d = of(Differences(before, after), "accuracy")
    assert d.change
    assert (d.change.estimate, d.change.low, d.change.high) == (-drop.estimate, -drop.high, -drop.low)
    assert d.worse
    assert not of(Differences(after, before), "accuracy").worse
    other = changed(accuracy=score.model_copy(update=pack(now) | {"test_sha256": "2" * 64}))
    assert of(Differences(before, other), "accuracy").change is None
    fewer = changed(accuracy=score.model_copy(update=pack(now[:99]) | {"rows": 99}))
    assert of(Differences(before, fewer), "accuracy").change is None, "the digest was copied, the rows were not"


def test_entities_are_compared_by_their_own_interval(results: Results) -> None:
    """One bit per row would lose how many entities of a row were found."""
    draw = np.random.default_rng(0)
    true = draw.integers(1, 6, 400)
    found = np.stack([true, true, true], axis=1).astype(np.uint8)  # found, claimed, true
    fewer = found.copy()
    fewer[:200, 0] -= 1
    score = results.artifact(INT8).accuracy
    assert score
    spec = TaskSpec(kind="tagging", labels=["O", "B-PER", "I-PER"], max_length=32, test="test.jsonl")

    def run(counts: Outcomes, value: float) -> Results:
        tagged = score.model_copy(update=pack(counts) | {"metric": "f1", "value": value, "rows": 400})
        artifacts = [a.model_copy(update={"accuracy": tagged if a.id == INT8 else None}) for a in results.artifacts]
        return results.model_copy(update={"artifacts": artifacts, "task": spec})

    before, after = run(found, 1.0), run(fewer, 1 - 200 / true.sum())
    d = of(Differences(before, after), "accuracy")
    assert d.change
    assert d.change.estimate == pytest.approx(-200 / true.sum())
    assert d.worse


@pytest.mark.parametrize("nearly_nothing", [0.0, 5e-324])
def test_memory_has_no_change_relative_to_nothing(nearly_nothing: float, results: Results, changed: Change) -> None:
    memory = results.artifact(INT8).memory
    assert memory
    nothing = changed(memory=memory.model_copy(update={"own_mib": nearly_nothing}))
    assert of(Differences(nothing, results), "memory").change is None


def test_memory_and_size_change_only_beyond_what_means_nothing(results: Results, changed: Change) -> None:
    small = results.artifact(INT8)
    assert small.memory
    assert small.size
    a_little = changed(
        memory=small.memory.model_copy(update={"own_mib": 28.0}),
        size=small.size.model_copy(update={"bytes": small.size.bytes + 100}),
    )
    found = Differences(results, a_little)
    assert (of(found, "memory").direction, of(found, "size").direction) == (None, None)
    much = changed(
        memory=small.memory.model_copy(update={"own_mib": 30.0}),
        size=small.size.model_copy(update={"bytes": small.size.bytes - 1_000_000}),
    )
    found = Differences(results, much)
    assert (of(found, "memory").direction, of(found, "size").direction) == ("more", "less")


@pytest.mark.parametrize(
    ("quantity", "low", "high", "sure", "direction", "worse"),
    [
        ("latency", 0.01, 0.02, True, "more", True),
        ("latency", -0.02, -0.01, True, "less", False),
        ("latency", -0.01, 0.02, True, None, False),
        ("memory", 0.04, 0.04, False, None, False),
        ("accuracy", -0.02, -0.01, True, "less", True),
        ("accuracy", 0.01, 0.02, True, "more", False),
    ],
)
def test_a_change_has_a_direction_where_it_is_certain(
    quantity: Quantity, low: float, high: float, sure: bool, direction: str | None, worse: bool
) -> None:
    change = Interval(estimate=(low + high) / 2, low=low, high=high)
    difference = Difference(quantity, "a", 1.0, 1.0, change, sure=sure)
    assert (difference.direction, difference.worse) == (direction, worse)
    assert Difference(quantity, "a", 1.0, 1.0, None).direction is None


def test_another_machine_has_no_comparable_memory(results: Results, changed: Change) -> None:
    now = changed(latency=slower(results, 1.1).latency)
    there = now.model_copy(update={"machine": now.machine.model_copy(update={"fingerprint": "feed"})})
    found = Differences(results, there)
    assert of(found, "memory").change is None
    assert of(found, "latency", HEADLINE).direction == "more"


def test_ratios_to_another_teacher_are_not_comparable(results: Results, changed: Change) -> None:
    assert of(Differences(results, changed(results.reference, macs=1)), "latency", HEADLINE).change is None


def test_one_name_for_two_runtimes_is_a_pair_unless_it_is_ambiguous(results: Results, changed: Change) -> None:
    pte = INT8.replace(".onnx", ".pte")
    found = Differences(results, changed(id=pte, runtime="executorch"))
    assert (found.only_before, found.only_now) == ([], [])
    assert (INT8, pte) in [(was.id, now.id) for was, now in found.pairs]
    twin = results.artifact(INT8).model_copy(update={"id": INT8.replace(".onnx", ".mlpackage")})
    both = changed(id=pte)
    both = both.model_copy(update={"artifacts": [*both.artifacts, twin]})
    assert [a.id for a in Differences(results, both).only_before] == [INT8]


def profiles_of(found: Differences) -> set[str]:
    return {d.place.profile for d in found.by_artifact[INT8] if d.place}


def test_duplicate_profiles_are_compared_once(results: Results) -> None:
    profiles = [p.model_copy(update={"same_as": "cpu"}) if p.name == "mobile-2t" else p for p in results.profiles]
    twice = results.model_copy(update={"profiles": profiles})
    assert profiles_of(Differences(twice, twice)) == {"cpu", "mobile-1t"}


def test_a_profile_that_has_other_threads_on_another_machine_is_not_compared(results: Results) -> None:
    """`cpu` is all cores: 8 on one machine, 2 on the other, where `mobile-2t` is the same profile."""
    wide = [p.model_copy(update={"threads": 8}) if p.name == "cpu" else p for p in results.profiles]
    same = [p.model_copy(update={"same_as": "cpu"}) if p.name == "mobile-2t" else p for p in results.profiles]
    before, now = (results.model_copy(update={"profiles": profiles}) for profiles in (wide, same))
    assert profiles_of(Differences(before, now)) == {"mobile-1t", "mobile-2t"}
    assert profiles_of(Differences(now, before)) == {"mobile-1t", "mobile-2t"}
