"""`--gate-against NAME` judges against a pinned baseline by its limits, and every run tells what updates add up to."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pocketbert.bench.gate.baseline import open_baseline
from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.records.baseline import load_baseline, make_baseline
from pocketbert.bench.records.results import Results, load_results
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json
from tests.support.commands import command
from tests.support.manifests import SHIPS, Build, Run, write_manifest

pytest_plugins = "pytester"


def test_a_release_is_judged_by_limits_of_its_own(
    bench: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    weighed: Results,
    store: Path,
) -> None:
    pytester.makepyprojecttoml("[tool.pocketbert]\nprofiles = ['mobile-1t']")
    shutil.copytree(store, "artifacts/.store")
    start = make_baseline(weighed, None).model_copy(update={"created": "v1"})
    usual, pinned = Path("baselines/tiny.json"), Path("baselines/pinned/v1/tiny.json")
    write_json(usual, start)
    assert command(monkeypatch, "baseline", "pin", "v1", "--size", "0.9") == 0
    assert "written: baselines/pinned/v1/tiny.json; commit it" in capfd.readouterr().out
    assert load_baseline(pinned).thresholds.size == 0.9
    write_json(Path("results.json"), weighed)
    assert command(monkeypatch, "baseline", "update", "results.json", "--yes") == 0  # which changes no file
    assert "1 update since pin v1 adds up to +0.0 % latency" in capfd.readouterr().out
    manifest = write_manifest(pytester.path / "m", SHIPS | {"small": Build(padding_bytes=2000)})
    small = ("-k", "test_size and small")
    named, unnamed = Path("artifacts/.store", "a" * 64), Path("artifacts/.store", "b" * 64)
    Path("baselines/pinned/v0").mkdir()
    Path("baselines/pinned/v0/another.json").write_text(f'{{"sha256": "{named.name}"}}')
    for stored in (named, unnamed):
        stored.touch()
        os.utime(stored, (1, 1))  # not used since 1970

    result = bench(manifest, *small)
    assert (named.exists(), unnamed.exists()) == (True, False)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["baseline: *baselines/tiny.json", "1 update since pin v1 adds up to +0.0 % latency*"])
    result = bench(manifest, *small, "--gate-against=v1")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"baseline: *{pinned}", "1 update since pin v1 adds up to +0.0 % latency*"])
    results = load_results(Path("reports/tiny.part.json"))
    assert (results.verdicts[0].threshold, results.baseline) == (0.9, str(pinned))
    assert "1 update since pin v1 adds up to +0.0 % latency" in Path("reports/tiny.part.md").read_text()


def test_a_pin_that_is_unknown_or_one_baseline_too_many_is_refused(tmp_path: Path, weighed: Results) -> None:
    options = GateOptions(
        manifest=tmp_path / "manifest.json",
        profiles=(),
        baseline=None,
        strict=False,
        reports=tmp_path,
        command="test",
        baselines=tmp_path,
        against="v2",
    )
    write_json(tmp_path / "pinned/v1/tiny.json", make_baseline(weighed, None))
    with pytest.raises(BadInput, match=r"--gate-against v2: .*no such file; pinned baselines of 'tiny': v1; pin the"):
        open_baseline(options, "tiny")
    path, baseline = open_baseline(replace(options, against="v1"), "tiny")
    assert path == tmp_path / "pinned/v1/tiny.json"
    assert baseline
    with pytest.raises(BadInput, match="--gate-against and --gate-baseline name a baseline each; give one of them"):
        open_baseline(replace(options, baseline=path), "tiny")


def test_which_baseline_is_pinned_must_be_clear(
    tmp_path: Path, weighed: Results, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "baseline", "pin", "v1") == 2
    assert "baselines: no baseline yet: pocketbert baseline update NAME" in capfd.readouterr().err
    for name in ("a", "b"):
        write_json(Path("baselines", f"{name}.json"), make_baseline(weighed, None))
    Path("baselines/.a.1-0a1b2c3d.tmp.json").touch()  # an update was killed
    assert command(monkeypatch, "baseline", "pin", "v1") == 2
    assert "found: a.json, b.json" in capfd.readouterr().err
    for words in (["--baseline", "baselines/a.json"], ["a"]):
        assert command(monkeypatch, "baseline", "pin", "v1", *words) == 2
        assert "is not in the artifact store, so it cannot be kept" in capfd.readouterr().err
    assert command(monkeypatch, "baseline", "pin", "v1", "c") == 2
    assert "baselines/c.json: " in capfd.readouterr().err
    assert command(monkeypatch, "baseline", "pin", "v1", "a", "--baseline", "baselines/b.json") == 2
    assert "give RECIPE or --baseline, not both" in capfd.readouterr().err
    Path("pyproject.toml").write_text("[tool.pocketbert]\nbaseline = 'baselines/b.json'\n")
    assert command(monkeypatch, "baseline", "pin", "v1", "c") == 2
    assert "baselines/c.json: " in capfd.readouterr().err, "not the project's own"
