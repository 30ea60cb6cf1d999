"""The table in the module's docstring, row by row."""

from typing import Any

import pytest

from pocketbert.bench.records.results import Outcome, Paired, Size
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.rules import (
    MEMORY_FLOOR_MIB,
    compare_accuracy,
    compare_latency,
    compare_memory,
    compare_paired,
    compare_size,
)
from pocketbert.compress.tasks.paired import Drop

EXACT = Interval(estimate=1.0, low=1.0, high=1.0)


def interval(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "neighbours", "outcome"),
    [
        (1.06, 1.10, 0.0, "regressed"),
        (1.04, 1.06, 0.0, "inconclusive"),
        (1.02, 1.049, 0.0, "ok"),
        (0.90, 1.049, 0.0, "ok"),
        (0.90, 0.94, 0.0, "improved"),
        (0.94, 0.96, 0.0, "ok"),
        (1.06, 1.10, 0.5, "inconclusive"),  # half of the cores in use can explain +100 %
        (2.06, 2.10, 0.5, "regressed"),
        (0.90, 0.94, 0.5, "ok"),
    ],
)
def test_latency_by_the_reference(low: float, high: float, neighbours: float, outcome: Outcome) -> None:
    found = compare_latency(interval(low, high), EXACT, 0.05, neighbours)
    assert found.outcome == outcome
    assert ("other processes used 50 % of the cores" in found.note) == (neighbours > 0)


def test_noise_beyond_the_limit_says_which_limit_it_allows() -> None:
    noisy = compare_latency(interval(0.935, 1.065), EXACT, 0.03, 0.0)
    assert noisy.outcome == "inconclusive"
    assert noisy.note.endswith("× reference, the noise of this run allows limits of +7 % or more")
    near = compare_latency(interval(1.02, 1.04), EXACT, 0.03, 0.0)
    assert near.outcome == "inconclusive"
    assert near.note.endswith("× reference")


def pairs(**changes: Any) -> Paired:
    return Paired(
        **{
            "artifact": "small",
            "profile": "mobile-1t",
            "length": "128",
            "against": "0" * 64,
            "outcome": "regressed",
            "change": Interval(estimate=0.2, low=0.19, high=0.21),
            "change_p90": Interval(estimate=0.3, low=0.25, high=0.35),
            "limit": 0.05,
            "logs": [0.2] * 4,
            "logs_p90": [0.3] * 4,
            "preempted": 0.0,
            "seconds": 5.0,
        }
        | changes
    )


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({}, "20.0 % slower than the baseline (95 % CI +19.0 to +21.0 %, limit +5 %), 4 pairs"),
        (
            {"baseline_ms": [9.9, 10.1], "candidate_ms": [12.0]},
            "20.0 % slower than the baseline (95 % CI +19.0 to +21.0 %, limit +5 %), P50 10 → 12 ms, 4 pairs",
        ),
        (
            {"p90_alone": True},
            "P90 30.0 % slower than the baseline (95 % CI +25.0 to +35.0 %, limit +5 %), "
            "P50 20.0 % slower than the baseline (95 % CI +19.0 to +21.0 %), 4 pairs",
        ),
        (
            {"outcome": "inconclusive", "note": "undecided after 4 pairs in 60 s"},
            "20.0 % slower than the baseline (95 % CI +19.0 to +21.0 %, limit +5 %), undecided after 4 pairs in 60 s",
        ),
        (
            {"outcome": "improved", "change": Interval(estimate=-0.1, low=-0.12, high=-0.08)},
            "10.0 % faster than the baseline (95 % CI -12.0 to -8.0 %, limit +5 %), 4 pairs",
        ),
    ],
)
def test_latency_in_pairs(changes: dict[str, Any], note: str) -> None:
    paired = pairs(**changes)
    found = compare_paired(paired)
    assert (found.outcome, found.note) == (paired.outcome, note)
    assert (found.baseline, found.measured) == (1.0, 1 + paired.change.estimate)
    assert found.change == (paired.change_p90 if paired.p90_alone else paired.change)


@pytest.mark.parametrize(
    ("now", "was", "outcome", "limit"),
    [
        (105.1, 100.0, "regressed", "+5 %"),
        (104.9, 100.0, "ok", "+5 %"),
        (94.9, 100.0, "improved", "+5 %"),
        (10.9, 10.0, "ok", "+1 MiB"),  # +9 %, but below the floor
        (11.1, 10.0, "regressed", "+1 MiB"),
        (8.9, 10.0, "improved", "+1 MiB"),
    ],
)
def test_memory(now: float, was: float, outcome: Outcome, limit: str) -> None:
    assert MEMORY_FLOOR_MIB == 1.0
    found = compare_memory(now, was, 0.05)
    assert found.outcome == outcome
    assert found.note.startswith(f"{now:.1f} MiB, baseline {was:.1f} MiB (")
    assert found.note.endswith(f" %, limit {limit})")
    assert found.change and found.change.estimate == pytest.approx(now / was - 1)


def test_a_change_from_nothing_has_no_number() -> None:
    assert compare_memory(1.0, 0.0, 0.05).change is None


@pytest.mark.parametrize(
    ("now", "outcome", "note"),
    [
        ((1010, 500), "ok", "1,010 bytes, baseline 1,000 (+1.0 %, limit +1 %)"),
        ((1011, 500), "regressed", "1,011 bytes, baseline 1,000 (+1.1 %, limit +1 %)"),
        ((900, 506), "regressed", "506 bytes zipped, baseline 500 (+1.2 %, limit +1 %)"),
        ((900, 500), "ok", "500 bytes zipped, baseline 500 (+0.0 %, limit +1 %)"),
        ((900, 400), "improved", "900 bytes, baseline 1,000 (-10.0 %, limit +1 %)"),
    ],
)
def test_size(now: tuple[int, int], outcome: Outcome, note: str) -> None:
    found = compare_size(Size(bytes=now[0], deflated_bytes=now[1]), Size(bytes=1000, deflated_bytes=500), 0.01)
    assert (found.outcome, found.note) == (outcome, note)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "outcome"),
    [
        (0.020, 0.011, 0.029, "regressed"),
        (0.020, 0.009, 0.031, "inconclusive"),
        (0.010, 0.000, 0.020, "ok"),
        (-0.020, -0.031, -0.009, "ok"),
        (-0.020, -0.029, -0.011, "improved"),
    ],
)
def test_accuracy_against_the_baseline(estimate: float, low: float, high: float, outcome: Outcome) -> None:
    assert compare_accuracy(Drop(estimate, low, high, 1000), 0.010) == outcome
