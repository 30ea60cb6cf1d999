"""What is timed, and what is not."""

import json
from pathlib import Path

from rich.console import Console

from bench.session import Asked, Session
from tests.bench.conftest import Build, write_manifest


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
