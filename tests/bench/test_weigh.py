"""What is timed, and what is not."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.child import Child
from bench.gate import Item
from bench.metrics.memory import measure_memory
from bench.results import Memory
from bench.session import Asked, Session
from bench.subject import Subject
from tests.bench.conftest import PLAIN, Build, write_manifest


def test_a_stage_of_zeros_is_weighed_but_not_timed(tmp_path: Path) -> None:
    """Even where the very same file ships, and is timed as such."""
    path = write_manifest(tmp_path, {"ships": Build(work=1)})
    manifest = json.loads(path.read_text())
    [ships] = [entry for entry in manifest["artifacts"] if entry["role"] == "ship"]
    stages = [ships | {"id": "dense", "role": "stage"}, ships | {"id": "sparse", "role": "stage", "dense": "dense"}]
    manifest["artifacts"] += stages
    ships["dense_deflated_bytes"] = 1
    path.write_text(json.dumps(manifest))
    asked = Asked(path, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store", 0.0)
    session = Session(asked)
    session.run(Console(quiet=True))
    assert session.results is not None
    sparse, dense, shipped = (session.results.artifact(name) for name in ("sparse", "dense", "ships"))
    assert sparse.latency == []
    assert dense.latency == shipped.latency != []
    assert sparse.size == dense.size
    assert sparse.accuracy == dense.accuracy
    assert (sparse.dense, shipped.dense_deflated_bytes) == ("dense", 1)


def test_of_what_ships_the_least_of_three_processes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, list[float]] = {}

    def measured(child: Child, subject: Subject, requests: list[list[int]]) -> tuple[Memory, float]:
        memory, ms = measure_memory(child, subject, requests)
        found = read.setdefault(subject.artifact.id, [])
        found.append((30.0, 20.0, 25.0)[len(found)])
        return memory.model_copy(update={"own_mib": found[-1]}), ms

    monkeypatch.setattr("bench.weigh.measure_memory", measured)
    manifest = write_manifest(tmp_path / "m", {"small": PLAIN})
    asked = Asked(manifest, ("mobile-1t",), None, False, tmp_path / "reports", "test", tmp_path / "store")
    session = Session(asked)
    session.run(Console(quiet=True), [Item("memory", "small")])
    assert session.results is not None
    assert read == {"reference": [30.0], "small": [30.0, 20.0, 25.0]}
    memory = session.results.artifact("small").memory
    assert memory is not None
    assert memory.own_mib == 20.0
