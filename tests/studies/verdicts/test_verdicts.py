"""The study judges as the gate does, and its slower files are slower and otherwise the same."""

import lzma
from collections import Counter
from math import log
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pocketbert.bench.stats.sequential import LOOKS
from pocketbert.compress.base.errors import BadInput
from studies.verdicts.columns import Column
from studies.verdicts.page import errors, write_page
from studies.verdicts.record import Record
from studies.verdicts.replay import Rates, clopper_pearson, in_order, judge_once, resampled
from studies.verdicts.rivals import GROUP, asv, pytest_benchmark
from studies.verdicts.slower import write_slower
from tests.support.manifests import write_onnx


def pairs(middle: float, count: int, noise: float = 0.005, seed: int = 0) -> list[dict[str, object]]:
    draw = np.random.default_rng(seed)
    made: list[dict[str, object]] = []
    for error in draw.normal(0, noise, count):
        p50 = log(1 + middle) + float(error)
        base = draw.normal(10, 0.1, 20)
        candidate = base * (1 + middle)
        made.append(
            {
                "recording": f"{middle:.0%} idle",
                "p50": p50,
                "p90": p50,
                "preempted": 0.0,
                "seconds": 0.5,
                "baseline_ms": base.tolist(),
                "candidate_ms": candidate.tolist(),
            }
        )
    return made


def test_a_replayed_verdict_takes_as_many_pairs_as_the_gate_would() -> None:
    assert judge_once(pairs(0.0, 40), 0.05) == ("ok", LOOKS[0])
    assert judge_once(pairs(0.2, 40), 0.05) == ("regressed", LOOKS[0])
    assert judge_once(pairs(0.05, 40, noise=0.05), 0.05) == ("inconclusive", LOOKS[-1])
    assert judge_once(pairs(0.0, LOOKS[0] - 1), 0.05)[0] == ""
    slow = [pair | {"seconds": 20.0} for pair in pairs(0.05, 40, noise=0.05)]
    assert judge_once(slow, 0.05) == ("inconclusive", LOOKS[0])


def test_verdicts_in_order_share_no_pair() -> None:
    rates = in_order(pairs(0.0, 43), 0.05)
    assert rates.counts == Counter(ok=10)
    again = resampled(pairs(0.0, 43), 0.05, verdicts=50)
    assert again.total == 50


def test_clopper_and_pearsons_interval() -> None:
    assert clopper_pearson(0, 200) == (0.0, pytest.approx(1 - 0.025 ** (1 / 200)))
    assert clopper_pearson(200, 200)[1] == 1.0
    low, high = clopper_pearson(5, 20)
    assert (round(low, 4), round(high, 4)) == (0.0866, 0.491)  # binom.test of R


def test_other_tools_rules() -> None:
    assert asv(pairs(0.08, 8 * GROUP)).counts == Counter(ok=8)
    assert asv(pairs(0.2, 8 * GROUP)).counts == Counter(regressed=8)
    assert asv(pairs(0.08, 8 * GROUP), 1.05).counts == Counter(regressed=8)
    assert pytest_benchmark(pairs(0.08, 8 * GROUP)).counts == Counter(regressed=7)
    assert pytest_benchmark(pairs(0.02, 8 * GROUP)).counts == Counter(ok=7)


def test_what_counts_as_an_error() -> None:
    rates = Rates(Counter(ok=3, regressed=1))
    assert errors(Column(0.0, False), rates) == 0.25
    assert errors(Column(0.10, False), rates) == 0.75
    assert errors(Column(0.05, False), rates) is None


def test_a_slower_file_says_the_same(tmp_path: Path) -> None:
    write_onnx(tmp_path / "plain.onnx")
    write_slower(tmp_path / "plain.onnx", tmp_path / "slower.onnx", 64)
    said = []
    for name in ("plain", "slower"):
        session = onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        said.append(session.run(None, {"input_ids": np.array([[3, 4, 14]])})[0])
    np.testing.assert_array_equal(*said)


def test_a_record_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    first = Record(path, "it")
    for pair in pairs(0.0, 8):
        first.add(pair)
    first.add({"column": "0% idle at +5%", "outcome": "ok", "pairs": 4, "seconds": 2.0})
    first.add({"slow_down": 0.1, "columns": 187})
    with path.open("a") as file:
        file.write('{"cut sho')
    again = Record(path, "it")
    with pytest.raises(BadInput, match="of it, not of another; move it away"):
        Record(path, "another")
    assert again.pairs == first.pairs
    assert again.live == first.live
    assert again.work == {0.1: 187}
    again.pack(tmp_path / "verdicts.jsonl.xz")
    assert lzma.decompress((tmp_path / "verdicts.jsonl.xz").read_bytes()) == path.read_bytes()
    write_page(again, [], tmp_path / "verdicts.md")
    page = (tmp_path / "verdicts.md").read_text()
    assert "| 0% idle  | 8 " in page
    assert (tmp_path / "verdicts.svg").is_file()
