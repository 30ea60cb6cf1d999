"""Pairs of real processes around tiny graphs."""

import time
from pathlib import Path

import psutil
import pytest

from pocketbert.bench.doctor import probe_requests, write_onnx_probe
from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.measuring.pairs import RUNS, Pair, Side, SideFailed, time_pair
from pocketbert.bench.measuring.rerun import Question, ask
from pocketbert.bench.records.results import P90_ALONE, Profile
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.child import Child
from tests.support.manifests import Build, write_onnx

PROFILE = Profile(name="one", threads=1, cores=usable_cores()[:1], lengths=["64"])
REQUESTS = {"64": [[n % 30 for n in range(64)]] * 100}


def side(path: Path, work: int) -> Side:
    write_onnx(path, Build(work=work))
    return Side("onnxruntime", path, REQUESTS)


def test_both_sides_answer_every_request_in_turn(tmp_path: Path) -> None:
    found = time_pair(side(tmp_path / "a.onnx", 8), side(tmp_path / "b.onnx", 80), PROFILE, ["64"], 0)["64"]
    assert len(found.baseline) == len(found.candidate) == RUNS
    assert found.log_p50 > 0.5
    assert 0 <= found.preempted <= 1


def test_a_side_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(SideFailed, match="InvalidProtobuf") as failed:
        time_pair(side(tmp_path / "a.onnx", 8), Side("onnxruntime", broken, REQUESTS), PROFILE, ["64"], 0)
    assert failed.value.which == "candidate"


def test_pairs_are_taken_until_the_question_is_settled(tmp_path: Path) -> None:
    question, seen = Question("64", 0.05), []
    ask(side(tmp_path / "a.onnx", 8), side(tmp_path / "b.onnx", 80), PROFILE, [question], 60, seen.append)
    found = question.answer("b", "one", "a", 1.0)
    assert found.outcome == "regressed"
    assert seen == list(range(1, len(found.logs) + 1))


def test_a_budget_that_is_spent_is_inconclusive(tmp_path: Path) -> None:
    question = Question("64", 0.0)  # identical files never clear a threshold of nothing
    file = side(tmp_path / "a.onnx", 8)
    ask(file, file, PROFILE, [question], 0.0)
    found = question.answer("a", "one", "a", 0.5)
    if found.outcome == "inconclusive":  # chance may clear it once in a while
        assert found.note == f"not settled by {len(found.logs)} pairs in 0 s"
    assert len(found.logs) == 4


def answered(ms: list[float]) -> list[Run]:
    return [Run(ms=value, cpu_ms=value, forced=0, given=0) for value in ms]


def test_p90_makes_a_verdict_worse_and_never_better() -> None:
    plain, slow_tail, slow = [10.0] * 20, [10.0] * 16 + [13.0] * 4, [13.0] * 20
    question = Question("64", 0.05, [Pair(answered(plain), answered(slow_tail), 1)] * 4)
    found = question.answer("a", "one", "b", 1.0)
    assert (found.outcome, found.note) == ("regressed", P90_ALONE)
    question = Question("64", 0.05, [Pair(answered(slow_tail), answered(slow), 1)] * 4)
    assert question.answer("a", "one", "b", 1.0).outcome == "regressed"
    few = [Pair(answered(plain[:10]), answered(slow_tail[10:]), 1)] * 4
    assert Question("64", 0.05, few).answer("a", "one", "b", 1.0).outcome == "ok"  # 40 requests tell no P90


@pytest.mark.skipif(len(usable_cores()) < 2, reason="needs a second core")
@pytest.mark.idle
def test_the_artifact_that_waits_uses_no_cpu(tmp_path: Path) -> None:
    write_onnx_probe(tmp_path / "probe.onnx")
    with Child(2, usable_cores()[:2]) as busy, Child(2, usable_cores()[:2]) as waiting:
        for child in (busy, waiting):
            child.open("onnxruntime", tmp_path / "probe.onnx")
            child.requests(probe_requests())
            child.run(0)
        before, begin = cpu_s(waiting.pid), time.monotonic()
        used = sum(busy.run(number).cpu_ms for number in range(60)) / 1000
        assert used > 0.8 * (time.monotonic() - begin)
        assert cpu_s(waiting.pid) - before < 0.02 * used


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
