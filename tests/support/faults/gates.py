"""A tiny gate run after an earlier one, and the commands that change baselines and caches."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.support.faults.program import Program, command_line

STORE = "artifacts/.store"
MANIFEST = Path("artifacts/tiny/manifest.json")
RESULTS, HISTORY, BASELINE = Path("reports/tiny.json"), Path("reports/tiny.history.jsonl"), Path("baselines/tiny.json")
_LONG_AGO = "2020-01-01T00:00:00+00:00"


def gate(*options: str) -> int:
    """Run the gate on the manifest of the working folder, in this process; its workers are forks."""
    import pytest

    from pocketbert.bench.gate import plugin
    from pocketbert.bench.machine import lock
    from tests.support.faults.workers import fork_workers

    fork_workers()
    lock.LOCK = Path("gate.lock").absolute()
    os.environ.update(MPLBACKEND="Agg", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    plain = ("-q", "-s", "--rootdir=.", *("-p", "no:cacheprovider"), *("-p", "pytest_benchmark.plugin"))
    tests = Path(plugin.__file__).with_name("test_gate.py").resolve()
    asked = (f"--gate-manifest={MANIFEST}", "--gate-profiles=mobile-1t", "--gate-budget=0", *options)
    return int(pytest.main([*plain, "-p", plugin.__name__, str(tests), *asked]))


def imported() -> None:
    """Import what the gate's workers need; they do not tell it themselves."""
    import pocketbert.bench.workers.worker
    import pocketbert.compress.runtimes.onnxruntime  # noqa: F401


def _prepare(folder: Path) -> None:
    """Leave a baseline, two runs, a file that grew since, and an old entry in each cache."""
    from tests.support.manifests import PLAIN, Build, write_manifest, write_onnx

    before, file = folder / "before", MANIFEST.parent / "small.onnx"
    (before / MANIFEST.parent / "stages").mkdir(parents=True)  # the mark of a build's folder for `cache prune`
    os.chdir(before)
    write_manifest(MANIFEST.parent, {"small": PLAIN})
    if gate("--gate-first-run") or _update():
        raise RuntimeError("the first gate run failed")
    write_onnx(file, Build(padding_bytes=100_000))
    gate()
    write_onnx(file, Build(padding_bytes=150_000))
    for path in (Path(STORE, "0" * 64), MANIFEST.parent / ".scores/old.json"):
        path.write_text("{}", encoding="utf-8")
        os.utime(path, (0, 0))
    first, *rest = HISTORY.read_text(encoding="utf-8").splitlines(keepends=True)
    old = json.loads(first) | {"created": _LONG_AGO, "baseline": None}
    HISTORY.write_text("".join([json.dumps(old) + "\n", first, *rest]), encoding="utf-8")


def _damage(folder: Path) -> Iterator[str]:
    """Yield what cannot be read, or is not what its name says; what is hidden is unfinished or swept later."""
    from pocketbert.bench.records.baseline import load_baseline
    from pocketbert.bench.records.results import load_results
    from pocketbert.compress.base.files import digest

    for path in (folder / "baselines").rglob("[!.]*.json"):
        load_baseline(path)
    load_results(folder / RESULTS)
    for line in (folder / HISTORY).read_text(encoding="utf-8").splitlines():
        json.loads(line)
    for path in (folder / MANIFEST.parent / ".scores").glob("[!.]*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    for path in (folder / "reports").rglob("[!.]*.svg"):
        ElementTree.parse(path)  # noqa: S314
    for path in (folder / STORE).glob("[!.]*"):
        if path.name.strip("0") and digest(path) != path.name:
            yield f"{path.name} in the store has another digest"


def _records(folder: Path) -> dict[str, Any]:
    """Return what is the same after any run: verdicts that do not depend on time, figures of files, the history."""
    from pocketbert.bench.records.baseline import load_baseline
    from pocketbert.bench.records.history import load
    from pocketbert.bench.records.results import load_results

    found = load_results(folder / RESULTS)
    artifacts = {a.id: (a.sha256, a.size, a.accuracy and a.accuracy.value) for a in found.artifacts}
    baselines = {path.name: load_baseline(path) for path in sorted((folder / "baselines").rglob("[!.]*.json"))}
    return {
        "verdicts": [(v.metric, v.artifact, v.profile) for v in found.verdicts],
        "decided": [(v.metric, v.outcome) for v in found.verdicts if v.metric in ("size", "accuracy")],
        "artifacts": artifacts,
        "baselines": {name: (b.artifacts, b.thresholds, bool(b.updates)) for name, b in baselines.items()},
        "history": [(record.created == _LONG_AGO, record.baseline) for record in load(folder / HISTORY)][:2],
    }


def _update() -> int:
    return command_line("baseline", "update", str(RESULTS), "--yes")


def _pin() -> int:
    return command_line("baseline", "pin", "v1")


def _prune() -> int:
    return command_line("cache", "prune")


_PYTEST = {signal.SIGKILL: (-9,), signal.SIGTERM: (143, -signal.SIGTERM), signal.SIGINT: (2,)}
GATE = Program("gate", _prepare, gate, _records, _damage, keeps=True, codes=_PYTEST)
UPDATE = Program("baseline update", _prepare, _update, _records, _damage, keeps=True)
PIN = Program("baseline pin", _prepare, _pin, _records, _damage, keeps=True, again=(2,))
PRUNE = Program("cache prune", _prepare, _prune, _records, _damage, keeps=True)
