"""Pairs of real processes around tiny graphs."""

import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from pocketbert.bench.doctor import probe_requests, write_onnx_probe
from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.measuring import pairs
from pocketbert.bench.measuring.pairs import RUNS, Side, SideFailed, time_pair
from pocketbert.bench.measuring.rerun import Series, take_pairs
from pocketbert.bench.records.results import Profile
from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.child import Child
from pocketbert.bench.workers.file import File
from tests.support.manifests import Build, write_onnx

PROFILE = Profile(name="one", threads=1, cores=usable_cores()[:1], lengths=["64"])
REQUESTS = {"64": [[n % 30 for n in range(64)]] * 100}


def side(path: Path, work: int) -> Side:
    write_onnx(path, Build(work=work))
    return Side(File("onnxruntime", path), REQUESTS)


def test_both_sides_answer_every_request(tmp_path: Path) -> None:
    found = time_pair(side(tmp_path / "a.onnx", 8), side(tmp_path / "b.onnx", 80), PROFILE, ["64"], 0)["64"]
    assert len(found.baseline) == len(found.candidate) == RUNS
    assert found.log_p50 > 0.5
    assert 0 <= found.preempted <= 1


def test_a_side_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(SideFailed, match="InvalidProtobuf") as failed:
        time_pair(side(tmp_path / "a.onnx", 8), Side(File("onnxruntime", broken), REQUESTS), PROFILE, ["64"], 0)
    assert failed.value.which == "candidate"


def test_a_signal_while_one_process_is_ended_ends_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Ended(Child):
        def close(self) -> None:
            super().close()
            closed.append(self.pid)
            if len(closed) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr("pocketbert.bench.measuring.pairs.Child", Ended)
    gone = Side(File("onnxruntime", tmp_path / "gone.onnx"), REQUESTS)
    with pytest.raises(KeyboardInterrupt):
        time_pair(gone, gone, PROFILE, ["64"], 0)
    assert len(set(closed)) == 2


def test_real_pairs_find_a_slow_down_and_none_in_a_file_against_itself(tmp_path: Path) -> None:
    fast, slow, series = side(tmp_path / "a.onnx", 8), side(tmp_path / "b.onnx", 80), Series("64", 0.05)
    take_pairs(fast, slow, PROFILE, [series], 60)
    assert series.result("b", "one", "a", 1.0, 60.0).outcome == "regressed"
    same = Series("64", 3.0)  # a limit that no neighbour on this machine reaches
    take_pairs(fast, fast, PROFILE, [same], 0.0)
    found = same.result("a", "one", "a", 0.5, 60.0)
    assert (found.outcome, len(found.logs)) == ("ok", 4)


@pytest.mark.skipif(len(usable_cores()) < 2, reason="needs a second core")
@pytest.mark.idle
def test_the_artifact_that_waits_uses_no_cpu(tmp_path: Path) -> None:
    write_onnx_probe(tmp_path / "probe.onnx")
    with Child(2, usable_cores()[:2]) as busy, Child(2, usable_cores()[:2]) as waiting:
        for child in (busy, waiting):
            child.open(File("onnxruntime", tmp_path / "probe.onnx"))
            child.requests(probe_requests())
            child.run(0)
        before, begin = cpu_s(waiting.pid), time.monotonic()
        used = sum(busy.run(number).cpu_ms for number in range(60)) / 1000
        assert used > 0.8 * (time.monotonic() - begin)
        assert cpu_s(waiting.pid) - before < 0.02 * used


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def test_pairs_change_the_order_of_the_starts_and_take_other_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    asked: list[int] = []

    def time_in_turn(_: object, numbers: Iterable[int], *, warm_up: int) -> tuple[dict[str, list[Run]], dict[str, Any]]:
        asked.extend(numbers)
        return {"baseline": [], "candidate": []}, {}

    child = nullcontext(SimpleNamespace(requests=lambda _: None))
    monkeypatch.setattr(pairs, "Child", lambda *_, **__: child)
    monkeypatch.setattr(pairs, "verify", lambda *_: None)
    monkeypatch.setattr(pairs, "open_together", lambda children, *_: started.append(list(children)))
    monkeypatch.setattr(pairs, "time_in_turn", time_in_turn)
    one = Side(File("onnxruntime", Path("m")), REQUESTS)
    for number in range(len(REQUESTS["64"]) // RUNS):
        time_pair(one, one, PROFILE, ["64"], number)
    assert started[:2] == [["baseline", "candidate"], ["candidate", "baseline"]]
    assert sorted(asked) == list(range(len(REQUESTS["64"]))), "each request once"
