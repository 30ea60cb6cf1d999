"""A tiny manifest whose artifacts can be made slower, larger, fatter or dumber, one at a time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.gate.session import Session
from pocketbert.bench.machine import lock
from pocketbert.bench.measuring.metrics import latency
from pocketbert.bench.records.baseline import make_baseline
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.files import write_json
from tests.support import REPO
from tests.support.manifests import PLUGIN, SHIPS, Run, write_manifest


@pytest.fixture(scope="session", autouse=True)
def _own_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and what they share, neither wait for a gate run on this machine nor keep one waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "LOCK", tmp_path_factory.mktemp("lock") / "gate.lock")
        yield


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the real gate on a manifest: ``bench(manifest, *options)``; reports go to ``reports/``.

    The run is a first one, unless a baseline is named.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # the run inside is nobody's worker

    def run(manifest: Path, *options: str) -> pytest.RunResult:
        gate = str(REPO / "bench/gate/test_gate.py")
        plain = ("-p", "no:cacheprovider", f"--rootdir={pytester.path}")
        named = any(option.startswith("--gate-baseline=") for option in options)
        asked = (f"--gate-manifest={manifest}", *([] if named else ["--gate-first-run"]), *options)
        return pytester.runpytest_inprocess(*PLUGIN, *plain, gate, *asked)

    return run


@pytest.fixture
def two_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time two sets of processes instead of three, where nothing depends on how long something took."""
    monkeypatch.setattr(latency, "SETS", 2)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact store that the plain manifest's files went into."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def weighed(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Results:
    """The plain manifest, really weighed in the profile mobile-1t."""
    folder = tmp_path_factory.mktemp("plain")
    asked = GateOptions(
        manifest=write_manifest(folder, SHIPS),
        profiles=("mobile-1t",),
        baseline=None,
        strict=False,
        reports=folder / "reports",
        command="test",
        store=store,
        first_run=True,
    )
    session = Session(asked)
    session.run(Console(quiet=True))
    assert session.results is not None
    return session.results


@pytest.fixture
def baseline(weighed: Results, tmp_path: Path) -> Path:
    """The baseline file that the plain manifest makes."""
    path = tmp_path / "baseline.json"
    write_json(path, make_baseline(weighed, None))
    return path
