"""The gate as pytest items: one per artifact × profile/length × metric, out of the manifest and the baseline."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.gate import Item
    from bench.plugin import Gate, Replay
    from bench.results import Verdict

    Verdicts = dict[Item, Verdict]


def test_latency(gate: "Gate", verdicts: "Verdicts", gate_item: "Item", replay: "Replay", benchmark: Any) -> None:
    verdict = verdicts[gate_item]
    if samples := gate.samples_s(gate_item):
        replay.record(samples)
        benchmark.extra_info.update(verdict=verdict.outcome, ratio=verdict.measured)
        benchmark.pedantic(lambda: None, rounds=len(samples))
    else:
        benchmark.skipped = True
    _pass_or_fail(verdicts[gate_item])


def test_memory(verdicts: "Verdicts", gate_item: "Item") -> None:
    _pass_or_fail(verdicts[gate_item])


def test_size(verdicts: "Verdicts", gate_item: "Item") -> None:
    _pass_or_fail(verdicts[gate_item])


def test_accuracy(verdicts: "Verdicts", gate_item: "Item") -> None:
    _pass_or_fail(verdicts[gate_item])


def _pass_or_fail(verdict: "Verdict") -> None:
    if verdict.fails:
        pytest.fail(verdict.message, pytrace=False)
