"""Recorded pairs are decided at another limit, and shifted pairs keep their noise."""

import json
import lzma
from math import log
from pathlib import Path
from statistics import fmean, stdev

import pytest

from studies.verdicts.at_limit import replayed, row, shifted
from tests.support.verdicts import recorded_pairs


def test_shifted_pairs_have_another_mean_and_the_same_noise() -> None:
    pairs = recorded_pairs(0.05, 40)
    moved = shifted(pairs, 0.06)
    assert fmean(pair["p50"] for pair in moved) == pytest.approx(log(1.06))
    assert stdev(pair["p50"] for pair in moved) == pytest.approx(stdev(pair["p50"] for pair in pairs))
    assert pairs == recorded_pairs(0.05, 40)


def test_the_limit_decides() -> None:
    pairs = recorded_pairs(0.05, 40)
    assert row("it", pairs, 0.03)[5].startswith(f"{row('it', pairs, 0.03)[1]} = 100.0%")
    assert row("it", pairs, 0.10)[2].startswith(f"{row('it', pairs, 0.10)[1]} = 100.0%")
    assert row("it", [], 0.03)[-1] == "–"


def test_a_record_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair | {"recording": f"5% {load}"} for load in ("idle", "busy") for pair in recorded_pairs(0.05, 40)]
    lines = [{"subject": "it"}, {"column": "5% idle at +5%", "outcome": "ok"}, *pairs]
    record = tmp_path / "record.jsonl.xz"
    record.write_bytes(lzma.compress("\n".join(map(json.dumps, lines)).encode()))
    replayed(0.03, record)
    said = capsys.readouterr().out
    assert "| 5% idle (recorded)" in said
    assert "| 6% busy (synthetic)" in said
