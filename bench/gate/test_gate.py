"""The gate as pytest items: one per artifact × profile/length × metric, out of the manifest and the baseline."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pocketbert.bench.gate.plugin import Gate, Replay
    from pocketbert.bench.records.results import Verdict
    from pocketbert.bench.verdicts.items import Item

    Verdicts = dict[Item, Verdict]
    Record = Callable[[str, object], None]


@pytest.mark.latency
def test_latency(
    gate_state: "Gate", judged: "Verdict", gate_item: "Item", replay: "Replay", benchmark: Any, alone: str
) -> None:
    if samples := gate_state.samples_s(gate_item):
        replay.record(samples)
        benchmark.extra_info.update(verdict=judged.outcome, ratio=judged.measured)
        benchmark.pedantic(lambda: None, rounds=len(samples))
    else:
        benchmark.skipped = True
    _pass_or_fail(judged, alone)


@pytest.mark.memory
def test_memory(judged: "Verdict", alone: str) -> None:
    _pass_or_fail(judged, alone)


@pytest.mark.size
def test_size(judged: "Verdict", alone: str) -> None:
    _pass_or_fail(judged, alone)


@pytest.mark.accuracy
def test_accuracy(judged: "Verdict", alone: str) -> None:
    _pass_or_fail(judged, alone)


@pytest.fixture
def judged(verdicts: "Verdicts", gate_item: "Item", record_property: "Record") -> "Verdict":
    """The verdict of this item; its figures go into ``--junitxml``."""
    verdict = verdicts[gate_item]
    for name in ("outcome", "artifact", "profile", "baseline", "measured", "threshold"):
        record_property(name, getattr(verdict, name))
    return verdict


def _pass_or_fail(verdict: "Verdict", alone: str) -> None:
    if verdict.fails:
        pytest.fail(f"{verdict.message}\nalone: {alone}", pytrace=False)
