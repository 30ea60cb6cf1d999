"""Which artifacts are timed, and with which heap."""

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.measuring.measure import Measurement
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.setup import Needed
from pocketbert.bench.measuring.subject import load_rows
from pocketbert.bench.records.outcomes import unpack
from pocketbert.bench.records.reuse import FOLDER
from pocketbert.bench.workers.child import Child
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import inside, load_manifest
from pocketbert.compress.tasks import open_task
from tests.support.manifests import PLAIN, Build, read_columns, write_columns, write_manifest


def test_a_sparse_stage_is_measured_but_not_timed(tmp_path: Path) -> None:
    """Even where the very same file ships, and is timed as such."""
    path = write_manifest(tmp_path, {"ships": Build(work=1)})
    manifest = json.loads(path.read_text())
    [ships] = [entry for entry in manifest["artifacts"] if entry["role"] == "ship"]
    stages = [ships | {"id": "dense", "role": "stage"}, ships | {"id": "sparse", "role": "stage", "dense": "dense"}]
    manifest["artifacts"] += stages
    ships["dense_deflated_bytes"] = 1
    path.write_text(json.dumps(manifest))
    asked = GateOptions(
        path, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store", 0.0, first_run=True
    )
    session = Session(asked)
    session.run(Console(quiet=True))
    assert session.results is not None
    sparse, dense, shipped = (session.results.artifact(name) for name in ("sparse", "dense", "ships"))
    assert sparse.latency == []
    assert dense.latency == shipped.latency != []
    assert sparse.size == dense.size
    assert sparse.accuracy == dense.accuracy
    assert (sparse.dense, shipped.dense_deflated_bytes) == ("dense", 1)


def test_the_heap_is_steady_where_memory_counts_and_default_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it one file took 21.6 or 25.8 MiB by chance, with it 20.0; but PyTorch answers a third slower with it."""
    heaps: dict[str, set[bool]] = {}

    def watched(metric: str, name: str, children: Callable[..., list[Child]]) -> None:
        module = import_module(f"pocketbert.bench.measuring.metrics.{metric}")
        measure = getattr(module, name)

        def watching(*given: Any) -> Any:
            for child in children(*given):
                heaps.setdefault(name, set()).add("GLIBC_TUNABLES" in psutil.Process(child.pid).environ())
            return measure(*given)

        monkeypatch.setattr(module, name, watching)

    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    watched("memory", "measure_memory", lambda child, *_: [child])
    watched("accuracy", "measure_accuracy", lambda child, *_: [child])
    watched("latency", "time_in_turn", lambda children, *_: list(children.values()))
    manifest = write_manifest(tmp_path / "m", {"small": PLAIN})
    asked = GateOptions(
        manifest, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store", first_run=True
    )
    Session(asked).run(Console(quiet=True))
    assert heaps == {"measure_memory": {True}, "measure_accuracy": {False}, "time_in_turn": {False}}


def test_figures_that_were_not_used_for_long_are_removed(tmp_path: Path) -> None:
    old = tmp_path / "m" / FOLDER / "old.json"
    manifest = write_manifest(tmp_path / "m", {"small": PLAIN})
    old.parent.mkdir()
    old.touch()
    os.utime(old, (1, 1))
    read = load_manifest(manifest)
    rows = load_rows(inside(manifest.parent, read.task.test), open_task(read.task.kind, read.task.labels, 16))
    Measurement(Needed(read, [], ()), manifest.parent, rows, "test", Bar(Console(quiet=True))).run()
    assert not old.exists()


def test_rows_in_train_and_unknown_tokens_are_in_the_results(tmp_path: Path) -> None:
    """Half of the rows are marked; every row gets a word that the tokenizer does not know."""
    manifest = write_manifest(tmp_path, {"small": Build(work=1, blind=0.5)})
    file = tmp_path / "data/test.jsonl"
    columns = read_columns(file)
    columns["text"] = [f"{text} 未见" for text in columns["text"]]
    columns["in_train"] = [row % 3 == 0 for row in range(len(columns["text"]))]
    write_columns(file, columns)
    read = load_manifest(manifest)
    rows = load_rows(file, open_task(read.task.kind, read.task.labels, 16))
    results = Measurement(Needed(read, [], ("accuracy",)), tmp_path, rows, "test", Bar(Console(quiet=True))).run()
    reference, small = results.artifact("reference"), results.artifact("small")
    assert (results.in_train, results.undecided) == (100, "")
    assert reference.accuracy and small.accuracy
    assert reference.unseen == reference.accuracy.value == 1.0
    right = unpack(small.accuracy)
    assert small.unseen == pytest.approx(right[[row % 3 != 0 for row in range(300)]].mean()) != small.accuracy.value
    assert small.unknown_share == pytest.approx(300 / sum(map(len, map(str.split, columns["text"]))))


@pytest.mark.parametrize("answers", ["data", "manifest.json", "two.npy", "words.npy"])
def test_predictions_of_the_linear_baseline_that_cannot_be_read_are_refused_before_anything_is_measured(
    tmp_path: Path, answers: str
) -> None:
    manifest = write_manifest(tmp_path, {"small": PLAIN})
    np.save(tmp_path / "two.npy", np.zeros((2, 2), dtype=np.float32))
    np.save(tmp_path / "words.npy", np.full((300, 2), "x"))
    comparison = {"metric": "accuracy", "value": 1, "reference": 1, "drop": 0, "low": 0, "high": 0, "rows": 1}
    control = {"comparison": comparison | {"confidence": 0.95}, "train_rows": 1, "seconds": 1, "test_answers": answers}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"linear_control": control}))
    read = load_manifest(manifest)
    rows = load_rows(tmp_path / "data/test.jsonl", open_task(read.task.kind, read.task.labels, 16))
    with pytest.raises(BadInput, match=r"linear_control\.test_answers"):
        Measurement(Needed(read, [], ()), tmp_path, rows, "test", Bar(Console(quiet=True)))
