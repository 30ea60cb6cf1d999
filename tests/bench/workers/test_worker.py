"""The commands of a worker, called in this process: no child is started."""

import io
import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketbert.bench.workers import worker
from pocketbert.bench.workers.packed import pack
from pocketbert.bench.workers.worker import Worker, memory, pin, serve
from pocketbert.compress.tasks.inputs import Inputs, predict
from tests.support.manifests import write_onnx


class Echo:
    """A session whose logits are the first two token ids of each row; it remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []

    def logits(self, batch: dict[str, Any]) -> Any:
        self.batches.append(batch)
        return np.asarray(batch["input_ids"][:, :2], dtype=np.float32)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(worker.gc, "freeze", lambda: None)  # this process goes on after the test
    monkeypatch.setattr(worker.gc, "disable", lambda: None)
    made = Worker([0])
    made._session = Echo()
    yield made


def requests(path: Path, *lengths: int) -> str:
    np.savez(path, tokens=np.arange(sum(lengths)), lengths=np.array(lengths))
    return str(path)


def test_requests_are_split_by_length_and_go_round(echo: Worker, tmp_path: Path) -> None:
    echo.requests(requests(tmp_path / "r.npz", 2, 3))
    for index in range(3):
        echo.run(index)
    seen = [batch["input_ids"].tolist() for batch in echo._session.batches]
    assert seen == [[[0, 1]], [[2, 3, 4]], [[0, 1]]]
    assert [batch["attention_mask"].tolist() for batch in echo._session.batches][1] == [[1, 1, 1]]


def test_a_run_says_its_times_and_switches(echo: Worker, tmp_path: Path) -> None:
    echo.requests(requests(tmp_path / "r.npz", 4))
    said = echo.run(0)
    assert said["ms"] > 0
    assert all(value >= 0 for value in said.values())
    assert len(said) == 4


def test_logits_travel_as_files_without_pickle(echo: Worker, tmp_path: Path) -> None:
    echo._score = partial(predict, Echo().logits)
    np.savez(tmp_path / "texts.npz", **pack(Inputs([[7, 8, 9], [1, 2]], 0)))
    assert echo.score(str(tmp_path / "texts.npz"), str(tmp_path / "out.npy")) == {}
    assert np.load(tmp_path / "out.npy").tolist() == [[7.0, 8.0], [1.0, 2.0]]


def test_logits_that_are_not_finite_travel_too(echo: Worker, tmp_path: Path) -> None:
    echo._score = partial(predict, lambda batch: np.full((len(batch["input_ids"]), 2), np.nan, dtype=np.float32))
    np.savez(tmp_path / "texts.npz", **pack(Inputs([[7, 8, 9]], 0)))
    echo.score(str(tmp_path / "texts.npz"), str(tmp_path / "out.npy"))
    assert np.isnan(np.load(tmp_path / "out.npy")).all()


def test_a_scorer_has_all_cores_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(worker, "pin", lambda cores: None)
    monkeypatch.setattr("pocketbert.compress.runtimes.scoring.open_scorer", lambda *given: opened.append(given))
    Worker([0, 3]).open_scorer(["onnxruntime", str(tmp_path / "m.onnx"), None])
    assert opened == [("onnxruntime", tmp_path / "m.onnx", 2, None)]


def test_a_file_is_opened_under_its_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "pin", lambda cores: None)
    write_onnx(tmp_path / "m.onnx")
    made = Worker([0])
    made.load(["onnxruntime", str(tmp_path / "m.onnx"), {"input_ids": "input_ids"}], threads=1)
    assert made._session.logits({"input_ids": np.array([[2, 3]])}).shape == (1, 2)
    assert made.state()["threads"] is None, "ONNX Runtime has no report of its threads"
    with pytest.raises(Exception, match="`inputs` names ids"):
        made.load(["onnxruntime", str(tmp_path / "m.onnx"), {"ids": "input_ids"}], threads=1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux has /proc")
def test_memory_counts_the_artifacts_own_mapped_files(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(2**20))
    mapped = np.memmap(file, mode="r")
    assert memory(tmp_path)["mapped_kib"] == 1024
    assert memory(tmp_path / "other")["mapped_kib"] == 0
    assert memory(tmp_path / "m.onnx")["mapped_kib"] == 1024, "its weights may be in a file beside it"
    assert memory()["peak_kib"] > memory()["file_kib"] > 0
    del mapped


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux pins threads")
def test_pinning_holds_for_this_process() -> None:
    before = os.sched_getaffinity(0)
    try:
        pin([min(before)])
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        pin(sorted(before))


def test_the_reply_to_a_command_that_fails_is_its_error_and_the_next_one_is_served() -> None:
    commands = io.StringIO('{"do": "imports", "runtime": "no_such"}\n{"do": "state"}\n')
    replies = io.StringIO()
    serve(Worker([0]), commands, replies)  # type: ignore[arg-type]
    failed, fine = map(json.loads, replies.getvalue().splitlines())
    assert failed["error"].startswith("ModuleNotFoundError: ")
    assert fine["threads"] is None


def test_the_error_of_a_bad_file_has_no_class_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    commands = io.StringIO(json.dumps({"do": "load", "file": ["torch", str(tmp_path), None], "threads": 1}) + "\n")
    replies = io.StringIO()
    serve(Worker(sorted(os.sched_getaffinity(0))), commands, replies)  # type: ignore[arg-type]
    error = json.loads(replies.getvalue())["error"]
    assert not error.startswith("BadInput")
    assert str(tmp_path) in error


def test_a_request_that_sleeps_gives_its_core_away(
    echo: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its switches are voluntary ones, so it does not count as preempted; its CPU time is far below its time."""
    monkeypatch.setattr(echo, "_session", SimpleNamespace(logits=lambda batch: time.sleep(0.05)))
    echo.requests(requests(tmp_path / "r.npz", 4))
    said = echo.run(0)
    assert said["voluntary_switches"] >= 1
    assert said["ms"] >= 50 > 2 * said["cpu_ms"]
