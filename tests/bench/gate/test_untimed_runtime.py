"""A file whose runtime is of another system: weighed and judged by its size, and said not to have been run."""

import json
from pathlib import Path

import pytest

from pocketbert.bench.records.baseline import diff, make_baseline
from pocketbert.bench.records.results import Results, load_results
from pocketbert.compress.base.files import write_json
from tests.support.manifests import PLAIN, SHIPS, Run, write_manifest

pytest_plugins = "pytester"
PROFILE = "--gate-profiles=mobile-1t"
PACKAGE = "phone.mlpackage"


def with_package(manifest: Path, size: int, role: str = "ship") -> Path:
    """The manifest with a package of so many bytes; nothing opens it, so anything may be in it."""
    weights = manifest.parent / PACKAGE / "Data/weights.bin"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(bytes(size))
    content = json.loads(manifest.read_text())
    entry = {"id": PACKAGE, "role": role, "runtime": "coreml", "path": PACKAGE, "tokenizer": "tokenizer.json"}
    content["artifacts"] = [a for a in content["artifacts"] if a["id"] != PACKAGE] + [entry]
    manifest.write_text(json.dumps(content))
    return manifest


@pytest.mark.usefixtures("two_sets")
@pytest.mark.usefixtures("weighed")  # SciPy, when a run inside is the first to import it, cannot be imported again
def test_its_size_is_judged_and_nothing_else(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = with_package(write_manifest(pytester.path / "m", {"small": PLAIN}), 5000)
    assert bench(manifest, PROFILE).ret == pytest.ExitCode.OK
    results = load_results(pytester.path / "reports/tiny.json")
    package = results.artifact(PACKAGE)
    assert package.size is not None
    assert package.size.bytes == 5000
    assert (package.accuracy, package.memory, package.latency, package.failures) == (None, None, [], [])
    assert [v.metric for v in results.verdicts if v.artifact == PACKAGE] == ["size"]
    assert {v.metric for v in results.verdicts if v.artifact == "small"} == {"latency", "memory", "size", "accuracy"}
    report = (pytester.path / "reports/tiny.md").read_text()
    assert f"- `{PACKAGE}`: not run here, since coreml is not on this system; only its size is measured" in report
    rows = [line for line in report.splitlines() if line.startswith(f"| `{PACKAGE}` |")]
    assert [row.count("not\N{NO-BREAK SPACE}run\N{NO-BREAK SPACE}here") for row in rows[:2]] == [3, 1], (
        "metric, memory and speed; latency"
    )

    baseline = make_baseline(results, None)
    assert baseline.artifacts[PACKAGE].accuracy is None
    assert "5,000" in diff(None, baseline)
    write_json(pytester.path / "baseline.json", baseline)
    with_package(manifest, 6000)
    judged = bench(manifest, PROFILE, "--gate-baseline=baseline.json", "-m", "size")
    assert judged.ret == pytest.ExitCode.TESTS_FAILED
    judged.assert_outcomes(passed=1, failed=1, deselected=4)
    judged.stdout.fnmatch_lines([f"size regressed: {PACKAGE}: 6,000 bytes, baseline 5,000 (+20.0 %, limit +1 %)*"])


def test_one_that_ships_no_more_is_missed_once(bench: Run, pytester: pytest.Pytester, weighed: Results) -> None:
    manifest = write_manifest(pytester.path / "m", SHIPS)
    baseline = make_baseline(weighed, None)
    size_alone = {"runtime": "coreml", "accuracy": None, "memory_own_mib": None, "latency": {}}
    gone = baseline.artifacts["small"].model_copy(update=size_alone)
    listed = baseline.model_copy(update={"artifacts": baseline.artifacts | {PACKAGE: gone}})
    write_json(pytester.path / "baseline.json", listed)
    result = bench(manifest, PROFILE, "--gate-baseline=baseline.json", "-k", PACKAGE)
    assert result.parseoutcomes()["failed"] == 1
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines([f"size missing: {PACKAGE}: in the baseline, but not among the manifest's artifacts*"])


def test_a_reference_must_run(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = with_package(write_manifest(pytester.path / "m", {"small": PLAIN}), 5000, "reference")
    content = json.loads(manifest.read_text()) | {"reference": PACKAGE}
    manifest.write_text(json.dumps(content))
    result = bench(manifest, PROFILE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*manifest.json: reference: coreml does not run here; use one of: torch, onnxruntime*"]
    )
