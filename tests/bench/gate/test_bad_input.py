"""What cannot be used is one line and pytest's usage error, before anything is weighed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress import runtimes
from tests.support.manifests import PLAIN, Run, write_columns, write_manifest

pytest_plugins = "pytester"


@pytest.fixture
def manifest(pytester: pytest.Pytester) -> Path:
    return write_manifest(pytester.path / "m", {"small": PLAIN})


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refused(result: pytest.RunResult, pattern: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pocketbert: {pattern}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_no_manifest(bench: Run, pytester: pytest.Pytester) -> None:
    refused(bench(pytester.path / "nowhere.json"), "*nowhere.json: no such manifest; build one with*")


def test_a_file_that_is_not_there(bench: Run, manifest: Path) -> None:
    (manifest.parent / "small.onnx").unlink()
    refused(bench(manifest), "*'small.onnx' does not exist*")


def test_another_sha256(bench: Run, manifest: Path) -> None:
    edit(manifest, lambda m: m["artifacts"][1].update(sha256="0" * 64))
    refused(bench(manifest), "*'small.onnx' was changed after the build (SHA-256 *, then 000000000000*")


def test_a_path_that_leaves_the_folder(bench: Run, manifest: Path) -> None:
    edit(manifest, lambda m: m["artifacts"][1].update(path="../small.onnx"))
    refused(bench(manifest), "*'../small.onnx' leaves its folder*")


def test_a_baseline_of_another_schema(bench: Run, manifest: Path, baseline: Path) -> None:
    edit(baseline, lambda b: b.update(schema=99))
    refused(bench(manifest, f"--gate-baseline={baseline}"), "*baseline.json: schema is 99, this version reads 2*")


def test_a_baseline_that_was_asked_for_and_is_not_there(bench: Run, manifest: Path) -> None:
    refused(bench(manifest, "--gate-baseline=none.json"), "none.json: no such baseline*")


def test_a_baseline_of_another_recipe(bench: Run, manifest: Path, baseline: Path) -> None:
    edit(baseline, lambda b: b.update(recipe="other"))
    refused(
        bench(manifest, f"--gate-baseline={baseline}"),
        "*: baseline of recipe 'other', but the manifest is of recipe 'tiny'*",
    )


def test_a_runtime_that_is_not_installed(bench: Run, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runtimes.RUNTIMES, "ghost", "no-such-package")
    edit(manifest, lambda m: m["artifacts"][1].update(runtime="ghost"))
    refused(bench(manifest), "runtime 'ghost' is not installed: pip install no-such-package")


def test_nothing_to_measure(bench: Run, manifest: Path) -> None:
    edit(manifest, lambda m: m["artifacts"].pop())
    refused(bench(manifest), "*nothing to measure: no artifact has the role 'ship'")


def test_an_unknown_profile(bench: Run, manifest: Path) -> None:
    refused(bench(manifest, "--gate-profiles=mobile-9t"), "unknown profile 'mobile-9t'; allowed: cpu, mobile-1t*")


@pytest.mark.parametrize(
    ("table", "pattern"),
    [
        ({"sentence": ["a"], "label": [0]}, "*line 1: no key 'text'; keys: sentence, label"),
        ({"text": [], "label": []}, "*no rows*"),
        ({"text": ["a"], "label": [2]}, "*label 2; expected: 0 to 1 (neg, pos)"),
        ({"text": ["a", None], "label": [0, 1]}, "*line 2: text is None; expected: a text"),
    ],
)
def test_rows_that_cannot_be_scored(bench: Run, manifest: Path, table: dict[str, Any], pattern: str) -> None:
    write_columns(manifest.parent / "data/test.jsonl", table)
    refused(bench(manifest), pattern)


def test_a_reports_folder_that_cannot_be_made(bench: Run, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(bench(manifest, f"--gate-reports={tmp_path / 'file/reports'}"), "*reports cannot be written there*")
