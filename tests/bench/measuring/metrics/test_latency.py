"""Figures of a latency: all sets together, and the ratio set by set."""

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tokenizers import Tokenizer, models

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.measuring.metrics.latency import SETS, summarize, tokenizer_p50
from pocketbert.bench.records.results import Place
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File
from tests.support.manifests import SHIPS, write_manifest


def test_quantiles_are_over_all_sets_and_the_ratio_over_sets() -> None:
    reference = [np.full(n, 10.0) for n in (34, 33, 33)]
    samples = [np.full(34, 2.0), np.full(33, 4.0), np.full(33, 2.0)]
    found = summarize(Place("cpu", "64"), samples, reference, 0.1)
    assert (found.profile, found.length, found.runs, found.sets) == ("cpu", "64", 100, 3)
    assert (found.p50_ms, found.p90_ms, found.neighbours) == (2.0, 4.0, 0.1)
    assert found.ratio.estimate == pytest.approx((0.2 * 0.4 * 0.2) ** (1 / 3))
    assert found.ratio.low < 0.2 < 0.4 < found.ratio.high
    assert len(found.samples_ms) == 100


def test_a_tokenizer_takes_some_time() -> None:
    assert 0 < tokenizer_p50(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), ["a", "a a"]) < 1000


def test_an_artifact_that_fails_in_one_set_has_no_latency_and_the_others_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    begin_load = Child.begin_load

    def watched(child: Child, file: File) -> None:
        loads.append(file.path.name)
        if loads.count("small.onnx") == SETS and file.path.name == "small.onnx":  # the last set of processes
            raise ChildFailed("no memory left")
        begin_load(child, file)

    monkeypatch.setattr(Child, "begin_load", watched)
    manifest = write_manifest(tmp_path / "m", SHIPS)
    content = json.loads(manifest.read_text())
    content["artifacts"][2]["positions"] = 64
    manifest.write_text(json.dumps(content))
    asked = GateOptions(
        manifest, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store", 0.0, first_run=True
    )
    session = Session(asked)
    session.run(Console(quiet=True), {item for item in session.items if item.metric == "latency"})
    assert session.results is not None
    small, other = session.results.artifact("small"), session.results.artifact("other")
    assert (small.latency, [str(f) for f in small.failures]) == ([], ["latency mobile-1t: no memory left"])
    assert [(entry.length, entry.sets) for entry in other.latency] == [("mix", SETS)], "128 tokens need 128 positions"
    assert other.failures == []
