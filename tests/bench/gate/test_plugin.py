"""`pytest bench` speaks pytest: selecting, collecting, JUnit XML, and one line where it cannot go along."""

import json
import re
import shlex
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pocketbert.bench.gate.plugin import ended_in_one_line
from pocketbert.bench.records.baseline import make_baseline
from pocketbert.bench.records.results import METRICS, load_results
from pocketbert.compress.base.errors import BadInput
from tests.support import REPO
from tests.support.manifests import PLAIN, PLUGIN, SHIPS, Build, Run, write_manifest

pytest_plugins = "pytester"
PROFILE = "--gate-profiles=mobile-1t"


@pytest.fixture
def manifest(pytester: pytest.Pytester) -> Path:
    return write_manifest(pytester.path / "m", SHIPS)


def test_collecting_weighs_nothing(bench: Run, pytester: pytest.Pytester, manifest: Path) -> None:
    result = bench(manifest, PROFILE, "--collect-only", "-q", "-m", "latency or size")
    assert result.ret == pytest.ExitCode.OK
    collected = [line.split("::")[1] for line in result.outlines if "::" in line]
    assert collected == [
        *(f"test_latency[{name}-mobile-1t/{length}]" for name in SHIPS for length in ("128", "mix")),
        *(f"test_size[{name}]" for name in SHIPS),
    ]
    assert list((pytester.path / "reports").iterdir()) == []


def test_a_part_weighs_what_it_needs_and_replaces_no_report(
    bench: Run, pytester: pytest.Pytester, baseline: Path
) -> None:
    manifest = write_manifest(pytester.path / "m", SHIPS | {"small": Build(padding_bytes=2000)})
    pytester.mkdir("reports")
    whole = pytester.path / "reports/tiny.json"
    whole.write_text("whole")
    options = (PROFILE, f"--gate-baseline={baseline}")
    result = bench(manifest, *options, "-m", "size", "-k", "small", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1, deselected=9)
    part = load_results(pytester.path / "reports/tiny.part.json")
    assert [a.id for a in part.artifacts] == ["reference", "small"]
    assert all(a.latency == [] for a in part.artifacts)
    assert [v.metric for v in part.verdicts] == ["size"]
    assert whole.read_text() == "whole"
    assert not (pytester.path / "reports/tiny.history.jsonl").exists()
    page = (pytester.path / "reports/tiny.part.md").read_text()
    assert "Only a part was measured" in page
    assert "Paired timings" not in page
    with pytest.raises(BadInput, match="only a part was measured"):
        make_baseline(part, None)

    case = ElementTree.parse(pytester.path / "junit.xml").find(".//testcase")  # noqa: S314  # we wrote it
    assert case is not None
    properties = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert (properties["outcome"], properties["artifact"]) == ("regressed", "small")
    failure = case.find("failure")
    assert failure is not None
    assert "size regressed: small" in (failure.get("message") or "")

    # The failure says how to run it alone, and that command runs it alone.
    [line] = [line for line in result.outlines if line.startswith("rerun only this: ")]
    program, *words = shlex.split(line.removeprefix("rerun only this: "))
    at = words.index("--gate-manifest")
    assert (program, words[at : at + 2]) == ("pytest", ["--gate-manifest", "m/manifest.json"])
    again = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *words)
    again.assert_outcomes(failed=1, deselected=9)
    again.stdout.fnmatch_lines(["size regressed: small*"])


@pytest.mark.usefixtures("two_sets")
@pytest.mark.parametrize("metric", METRICS)
def test_only_what_is_selected_is_measured(
    metric: str, bench: Run, pytester: pytest.Pytester, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in set(METRICS) - {metric}:
        monkeypatch.setattr(f"pocketbert.bench.measuring.metrics.{other}.measure", None)  # called, it would raise
    result = bench(manifest, PROFILE, "-m", metric)
    assert result.ret == pytest.ExitCode.OK, result.outlines
    part = load_results(pytester.path / "reports/tiny.part.json")
    for artifact in part.artifacts:
        assert {name for name in METRICS if getattr(artifact, name)} == {metric}, artifact.id
    assert {v.metric for v in part.verdicts} == {metric}
    assert {v.outcome for v in part.verdicts} == {"no-baseline"}


@pytest.mark.usefixtures("two_sets")
def test_one_length_is_timed_alone(bench: Run, pytester: pytest.Pytester, manifest: Path) -> None:
    bench(manifest, PROFILE, "-k", "small-mobile-1t/mix")
    part = load_results(pytester.path / "reports/tiny.part.json")
    assert {(a.id, entry.length) for a in part.artifacts for entry in a.latency} == {
        ("reference", "mix"),
        ("small", "mix"),
    }


@pytest.fixture
def several(pytester: pytest.Pytester) -> tuple[str, str]:
    """Options that have pytest-xdist run several processes; a stand-in where it is not installed."""
    if find_spec("xdist"):
        return ("-n", "2")
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--dist', default='no')")
    return ("--dist", "load")


@pytest.mark.parametrize(
    "words",
    [
        *(
            ("--pyargs", f"pocketbert.bench{rest}")
            for rest in ("", ".gate", ".gate.test_gate", ".gate.test_gate::test_size")
        ),
        *((str(REPO / path),) for path in ("bench/", "bench/gate", "bench/gate/test_gate.py::test_size")),
    ],
    ids=" ".join,
)
def test_several_processes_are_refused_however_the_gate_is_named(
    pytester: pytest.Pytester, several: tuple[str, str], words: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_of_somebody_else(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN, *several, ".", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pocketbert: several pytest processes would time each other*"])


def test_several_processes_run_other_tests_in_folders_of_the_same_name(
    pytester: pytest.Pytester, several: tuple[str, str]
) -> None:
    tests = pytester.mkpydir("bench") / "test_gate.py"
    tests.write_text("def test_of_somebody_else(): pass")
    assert pytester.runpytest_inprocess(*PLUGIN, *several, "bench").ret == pytest.ExitCode.OK


def test_a_worker_of_several_refuses_to_measure(pytester: pytest.Pytester, manifest: Path) -> None:
    pytester.makeconftest("def pytest_configure(config): config.workerinput = {}")
    pytester.makepyfile("def test_own(pocketbert_measure): pocketbert_measure('small')")
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:xdist", f"--gate-manifest={manifest}", "--gate-first-run")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["pocketbert: several pytest processes would time each other*"])


def test_a_name_that_k_cannot_say_is_given_as_a_node(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    content = json.loads(manifest.read_text())
    content["artifacts"][1]["id"] = "a file"
    manifest.write_text(json.dumps(content))
    result = bench(manifest, "-m", "size", "--gate-strict")
    [line] = [line for line in result.outlines if line.startswith("rerun only this: ")]
    assert shlex.split(line)[4].endswith("bench/gate/test_gate.py::test_size[a file]")
    assert "--gate-strict" in line


def test_other_runs_see_no_generic_names_of_the_gate(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    shown = pytester.runpytest_inprocess(*PLUGIN, "--fixtures", "-v").stdout.str()
    fixtures = re.findall(r"^(\w+) .*bench/gate/plugin\.py:", shown, flags=re.MULTILINE)
    assert set(fixtures) == {"_pocketbert_verdicts", "pocketbert_measure", "pocketbert_gate"}
    markers = pytester.runpytest_inprocess(*PLUGIN, "--markers").stdout.str()
    assert re.findall(r"^@pytest\.mark\.(\w+).*pocketbert", markers, flags=re.MULTILINE) == ["latency_budget"]
    pytester.makepyfile("import pytest\n\n@pytest.mark.size\ndef test_own(): pass")
    strict = pytester.runpytest_subprocess(*PLUGIN, "--strict-markers")
    strict.stdout.fnmatch_lines(["*'size' not found in `markers` configuration option*"])


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    script = (
        "import sys, pocketbert.bench.gate.plugin\n"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'onnxruntime', 'pyarrow', 'pydantic', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (loaded.stdout, loaded.stderr) == ("[]\n", "")


def test_a_signal_ends_pytest_with_one_line() -> None:
    with pytest.raises(pytest.exit.Exception, match=r"^pocketbert: terminated$") as ended, ended_in_one_line():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.returncode == 143
    with pytest.raises(pytest.exit.Exception, match=r"^pocketbert: interrupted$") as ended, ended_in_one_line():
        raise KeyboardInterrupt
    assert ended.value.returncode == 2


@pytest.mark.parametrize("place", ["gate.session.load_manifest", "gate.session.Measurement"])
def test_a_failure_of_the_machine_is_one_line_and_3(
    bench: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    monkeypatch.setattr(f"pocketbert.bench.{place}", fails)
    result = bench(manifest, "--gate-profiles=mobile-1t")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*pocketbert: the machine is out of memory; *(traceback: pocketbert-error.log)*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "MemoryError" in (pytester.path / "pocketbert-error.log").read_text()
