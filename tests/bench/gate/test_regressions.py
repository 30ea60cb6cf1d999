"""The gate turns red for what it is there for, through the real plugin and real child processes."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pocketbert.bench.records import history
from pocketbert.bench.records.baseline import load_baseline
from pocketbert.compress.base.folders.leftovers import PREFIX, sweep
from tests.support import REPO
from tests.support.manifests import PLAIN, PLUGIN, SHIPS, Build, Run, is_worker, write_manifest

pytest_plugins = "pytester"
PROFILE = "--gate-profiles=mobile-1t"


def outcomes(folder: Path) -> dict[tuple[str, str], str]:
    """(metric, artifact) -> the worst outcome that the results file holds."""
    found: dict[tuple[str, str], str] = {}
    [results] = (folder / "reports").glob("*.json")
    for verdict in json.loads(results.read_text())["verdicts"]:
        key = (verdict["metric"], verdict["artifact"])
        if found.get(key) not in ("regressed", "missing"):
            found[key] = verdict["outcome"]
    return found


def changed(build: Build) -> dict[str, Build]:
    return SHIPS | {"small": build}


def test_an_unchanged_manifest_keeps_size_memory_and_accuracy(
    bench: Run, pytester: pytest.Pytester, baseline: Path
) -> None:
    manifest = write_manifest(pytester.path / "m", SHIPS)
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", "--benchmark-json=bench.json")
    result.stdout.fnmatch_lines(["*benchmark 'mobile-1t/128'*", "*pocketbert: verdicts*"])  # in this order
    found = outcomes(pytester.path)
    assert {found[metric, name] for metric in ("memory", "size", "accuracy") for name in SHIPS} == {"ok"}
    recorded = json.loads((pytester.path / "bench.json").read_text())["benchmarks"]
    weighed = json.loads((pytester.path / "reports/tiny.json").read_text())
    samples = {
        f"test_latency[{a['id']}-{entry['profile']}/{entry['length']}]": entry["samples_ms"]
        for a in weighed["artifacts"]
        for entry in a["latency"]
        if a["role"] == "ship"
    }
    assert {b["name"] for b in recorded} == set(samples)
    for b in recorded:
        assert [1000 * s for s in b["stats"]["data"]] == pytest.approx(samples[b["name"]])
        assert len(b["stats"]["data"]) >= 100
    assert (pytester.path / "reports/tiny.md").is_file()
    [record] = history.load(pytester.path / "reports/tiny.history.jsonl")
    assert record.baseline == load_baseline(baseline).created, "a later run without this baseline is refused"


def test_a_slower_artifact_is_red(bench: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    manifest = write_manifest(pytester.path / "m", changed(Build(work=40)))
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", "-m", "latency")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["latency regressed: small in mobile-1t/128: * slower than the baseline (*, by the ratio to the reference *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_slower_artifact_is_red_beside_the_baselines_own_file(
    bench: Run, pytester: pytest.Pytester, baseline: Path, store: Path
) -> None:
    manifest = write_manifest(pytester.path / "m", changed(Build(work=100)))
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", f"--gate-store={store}", "-m", "latency")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["latency regressed: small in mobile-1t/128: * slower than the baseline (*, limit +3 %)* pairs*"]
    )
    weighed = json.loads((pytester.path / "reports/tiny.part.json").read_text())
    assert weighed["same_file"] == ["other"]
    assert {p["artifact"] for p in weighed["paired"]} == {"small"}
    assert {v["outcome"] for v in weighed["verdicts"] if v["artifact"] == "other"} == {"ok"}
    page = (pytester.path / "reports/tiny.part.md").read_text()
    assert "Paired timings" in page
    [why] = weighed["why"]
    assert why["artifact"] == "small"
    assert why["evidence"]["operators"][0]["what"] == "MatMul"
    assert "- **what changed inside** `small`: operators: MatMul 8 × " in page
    assert "<b>Why it regressed</b>: <code>small</code>" in page
    result.stdout.fnmatch_lines(["inside small: operators: MatMul 8 × *"])


@pytest.mark.slow
def test_two_interpreters_are_compared_on_one_file(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    other = pytester.path / "python"
    other.write_text(f'#!/bin/sh\necho run >> {pytester.path}/marks\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    result = bench(manifest, PROFILE, f"--gate-baseline-python={other}", "--gate-budget=5")
    weighed = json.loads((pytester.path / "reports/tiny.json").read_text())
    assert {p["against"] for p in weighed["paired"]} == {str(other)}
    assert weighed["other_versions"] == weighed["machine"]["versions"]
    pairs = max(len(p["logs"]) for p in weighed["paired"])
    assert (pytester.path / "marks").read_text().count("run") == pairs + 1  # once to ask for its versions
    assert result.ret == pytest.ExitCode.OK
    result = bench(manifest, PROFILE, "--gate-baseline-python=/nowhere/python")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--gate-baseline-python /nowhere/python: cannot be run*"])


def test_a_disk_that_is_full_costs_the_file_and_not_the_verdicts(
    bench: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pocketbert.bench.gate.session.write_json", full)
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    result = bench(manifest, PROFILE, "-m", "size")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(
        ["small", "* size on disk *", "not everything could be written to reports: No space left on device"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write to")
def test_reports_that_cannot_be_written_are_refused_before_anything_is_weighed(
    bench: Run, pytester: pytest.Pytester
) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    result = bench(manifest, PROFILE, "--gate-reports=/proc")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*/proc: reports cannot be written there*"])


def test_a_larger_artifact_is_red(bench: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    manifest = write_manifest(pytester.path / "m", changed(Build(padding_bytes=2000)))
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", "-m", "size or accuracy")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = outcomes(pytester.path)
    assert found["size", "small"] == "regressed"
    assert found["size", "other"] == found["accuracy", "small"] == "ok"


def test_more_memory_is_red(bench: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    manifest = write_manifest(pytester.path / "m", changed(Build(buffer_mib=48)))
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", "-m", "memory or size")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = outcomes(pytester.path)
    assert found["memory", "small"] == "regressed"
    assert found["memory", "other"] == found["size", "other"] == "ok"


def test_a_less_accurate_artifact_is_red(bench: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    manifest = write_manifest(pytester.path / "m", changed(Build(blind=0.3)))
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}", "-m", "accuracy or size")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = outcomes(pytester.path)
    assert found["accuracy", "small"] == "regressed"
    assert found["accuracy", "other"] == found["size", "small"] == "ok"


@pytest.mark.usefixtures("two_sets")
def test_an_artifact_taken_out_is_red(bench: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    result = bench(manifest, PROFILE, f"--gate-baseline={baseline}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["accuracy missing: other: in the baseline, but not among the manifest's artifacts*"])
    found = outcomes(pytester.path)
    assert {found[metric, "other"] for metric in ("latency", "memory", "size", "accuracy")} == {"missing"}
    assert found["size", "small"] == "ok"


@pytest.mark.usefixtures("two_sets")
def test_an_artifact_that_cannot_be_opened_fails_alone_with_its_last_words(
    bench: Run, pytester: pytest.Pytester
) -> None:
    manifest = write_manifest(pytester.path / "m", SHIPS)
    (manifest.parent / "small.onnx").write_bytes(b"no graph")
    result = bench(manifest, PROFILE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["memory missing: small: *InvalidProtobuf*"])
    found = outcomes(pytester.path)
    assert {found[metric, "small"] for metric in ("latency", "memory", "accuracy")} == {"missing"}
    assert {found[metric, "other"] for metric in ("latency", "memory", "accuracy")} == {"no-baseline"}


@pytest.mark.usefixtures("two_sets")
def test_no_baseline_fails_only_when_strict(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    result = bench(manifest, PROFILE)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*pocketbert: verdicts*",
            "no baseline: nothing was compared; write a baseline with: pocketbert baseline update tiny",
            "* without a baseline*; 0 failing; measured in *",
        ],
    )
    assert bench(manifest, PROFILE, "--gate-strict", "-m", "size").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_a_pytorch_reference_is_timed_beside_an_onnx_artifact(bench: Run, pytester: pytest.Pytester) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    teacher = pytester.path / "m/teacher"
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertForSequenceClassification(BertConfig(vocab_size=32, num_labels=2, **shape)).save_pretrained(teacher)
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN}, reference=teacher)
    assert bench(manifest, PROFILE).ret == pytest.ExitCode.OK
    weighed = json.loads((pytester.path / "reports/tiny.json").read_text())
    reference = weighed["artifacts"][0]
    assert reference["failures"] == []
    assert all(entry["ratio"]["estimate"] == 1 for entry in reference["latency"])
    assert reference["memory"]["imports_mib"] > 3 * weighed["artifacts"][1]["memory"]["imports_mib"]
    assert 0 < weighed["artifacts"][1]["latency"][0]["ratio"]["high"] < 1


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 2), ("SIGTERM", 143), ("SIGKILL", -9)])
def test_a_signal_leaves_no_child_no_folder_and_no_half_written_file(tmp_path: Path, number: str, code: int) -> None:
    """What SIGKILL leaves is removed by the next run."""
    folders = tmp_path / "tmp"
    folders.mkdir()
    manifest = write_manifest(tmp_path / "m", SHIPS)
    start = (
        "import sys, pytest; from pocketbert.bench.machine import lock; lock.LOCK = sys.argv[1]; "
        "sys.exit(pytest.main(sys.argv[2:]))"
    )
    own_lock = str(tmp_path / "gate.lock")  # nobody else's run is waited for
    gate_item = str(REPO / "bench/gate/test_gate.py")
    plain = ("-p", "no:cacheprovider", f"--rootdir={tmp_path}")
    command = [sys.executable, "-c", start, own_lock, *PLUGIN, *plain, gate_item]
    gate = subprocess.Popen(
        [*command, f"--gate-manifest={manifest}", "--gate-first-run", PROFILE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(folders)},
        # A shell ignores it for what it starts in the background, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    children: list[psutil.Process] = []
    for _ in range(600):
        if children := [child for child in psutil.Process(gate.pid).children() if is_worker(child)]:
            break
        time.sleep(0.05)
    assert children, "no child was ever started"
    assert list(folders.glob(f"{PREFIX}*"))
    gate.send_signal(getattr(signal, number))
    assert gate.wait(timeout=30) == code
    _, alive = psutil.wait_procs(children, timeout=5)  # one that was just being started sees for itself
    assert not alive
    assert list((tmp_path / "reports").iterdir()) == []
    if number == "SIGKILL":
        assert list(folders.iterdir())
        sweep(parent=folders)
    assert list(folders.iterdir()) == []
