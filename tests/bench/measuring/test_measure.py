"""Which artifacts are timed, and with which heap."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.workers.child import Child
from tests.support.manifests import PLAIN, Build, write_manifest


def test_a_sparse_stage_is_measured_but_not_timed(tmp_path: Path) -> None:
    """Even where the very same file ships, and is timed as such."""
    path = write_manifest(tmp_path, {"ships": Build(work=1)})
    manifest = json.loads(path.read_text())
    [ships] = [entry for entry in manifest["artifacts"] if entry["role"] == "ship"]
    stages = [ships | {"id": "dense", "role": "stage"}, ships | {"id": "sparse", "role": "stage", "dense": "dense"}]
    manifest["artifacts"] += stages
    ships["dense_deflated_bytes"] = 1
    path.write_text(json.dumps(manifest))
    asked = GateOptions(path, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store", 0.0)
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
    asked = GateOptions(manifest, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store")
    Session(asked).run(Console(quiet=True))
    assert heaps == {"measure_memory": {True}, "measure_accuracy": {False}, "time_in_turn": {False}}
