"""`pytest bench` speaks pytest: selecting, collecting, JUnit XML, and one line where it cannot go along."""

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pocketbert.bench.records.baseline import cut_baseline
from pocketbert.bench.records.results import METRICS, Profile, load_results
from pocketbert.bench.verdicts.items import Item, narrow
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import load_manifest
from tests.support.manifests import PLAIN, PLUGIN, SHIPS, Build, Run, write_manifest

pytest_plugins = "pytester"
PROFILE = "--gate-profiles=mobile-1t"
MEASURES = {
    "latency": "time_in_turn",
    "memory": "measure_memory",
    "size": "measure_size",
    "accuracy": "measure_accuracy",
}


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
    assert "Only a part was weighed" in page
    assert "Beside the baseline" not in page
    with pytest.raises(BadInput, match="only a part was weighed"):
        cut_baseline(part, None)

    case = ElementTree.parse(pytester.path / "junit.xml").find(".//testcase")  # noqa: S314  # we wrote it
    assert case is not None
    properties = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert (properties["outcome"], properties["artifact"]) == ("regressed", "small")
    failure = case.find("failure")
    assert failure is not None
    assert "size regressed: small" in (failure.get("message") or "")

    # The failure says how to run it alone, and that command runs it alone.
    [line] = [line for line in result.outlines if line.startswith("alone: ")]
    program, *words = shlex.split(line.removeprefix("alone: "))
    assert (program, words[-6:-4]) == ("pytest", ["--gate-manifest", "m/manifest.json"])
    again = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *words)
    again.assert_outcomes(failed=1, deselected=9)
    again.stdout.fnmatch_lines(["size regressed: small*"])


@pytest.mark.parametrize("metric", METRICS)
def test_only_what_is_selected_is_measured(
    metric: str, bench: Run, pytester: pytest.Pytester, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in set(METRICS) - {metric}:
        monkeypatch.setattr(f"pocketbert.bench.measuring.measure.{MEASURES[other]}", None)  # called, it would raise
    result = bench(manifest, PROFILE, "-m", metric)
    assert result.ret == pytest.ExitCode.OK, result.outlines
    part = load_results(pytester.path / "reports/tiny.part.json")
    for artifact in part.artifacts:
        assert {name for name in METRICS if getattr(artifact, name)} == {metric}, artifact.id
    assert {v.metric for v in part.verdicts} == {metric}
    assert {v.outcome for v in part.verdicts} == {"no-baseline"}


def test_one_length_is_timed_alone(bench: Run, pytester: pytest.Pytester, manifest: Path) -> None:
    bench(manifest, PROFILE, "-k", "small-mobile-1t/mix")
    part = load_results(pytester.path / "reports/tiny.part.json")
    assert {(a.id, entry.length) for a in part.artifacts for entry in a.latency} == {
        ("reference", "mix"),
        ("small", "mix"),
    }


def test_narrowing_keeps_the_reference_and_the_profile_that_is_measured(manifest: Path) -> None:
    profiles = [
        Profile(name="cpu", threads=2, cores=[0, 1], lengths=["128", "mix"]),
        Profile(name="mobile-1t", threads=1, cores=[0], lengths=["128", "mix"]),
        Profile(name="mobile-2t", threads=2, cores=[0, 1], lengths=["128", "mix"], same_as="cpu"),
    ]
    items = [Item("latency", "other", "mobile-2t/128"), Item("size", "other")]
    smaller, kept, metrics = narrow(load_manifest(manifest), profiles, items)
    assert [a.id for a in smaller.artifacts] == ["reference", "other"]
    assert [(p.name, p.lengths) for p in kept] == [("cpu", ["128"]), ("mobile-2t", ["128"])]
    assert metrics == {"latency", "size"}
    assert narrow(load_manifest(manifest), profiles, items[1:])[1:] == ([], {"size"})


@pytest.fixture
def several(pytester: pytest.Pytester) -> tuple[str, str]:
    """Options that have pytest-xdist run several processes; a stand-in where it is not installed."""
    if find_spec("xdist"):
        return ("-n", "2")
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--dist', default='no')")
    return ("--dist", "load")


def test_several_processes_are_refused(
    bench: Run, pytester: pytest.Pytester, manifest: Path, several: tuple[str, str]
) -> None:
    result = bench(manifest, PROFILE, *several)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pocketbert: several pytest processes would time each other*"])
    pytester.makepyfile("def test_of_somebody_else(): pass")
    assert pytester.runpytest_inprocess(*PLUGIN, *several).ret == pytest.ExitCode.OK


def test_a_worker_of_several_refuses_to_weigh(pytester: pytest.Pytester, manifest: Path) -> None:
    pytester.makeconftest("def pytest_configure(config): config.workerinput = {}")
    pytester.makepyfile("def test_own(weigh): weigh('small')")
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:xdist", f"--gate-manifest={manifest}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["pocketbert: several pytest processes would time each other*"])


def test_a_name_that_k_cannot_say_is_given_as_a_node(bench: Run, pytester: pytest.Pytester) -> None:
    manifest = write_manifest(pytester.path / "m", {"small": PLAIN})
    content = json.loads(manifest.read_text())
    content["artifacts"][1]["id"] = "a file"
    manifest.write_text(json.dumps(content))
    result = bench(manifest, "-m", "size", "--gate-strict")
    [line] = [line for line in result.outlines if line.startswith("alone: ")]
    assert shlex.split(line)[2].endswith("bench/gate/test_gate.py::test_size[a file]")
    assert "--gate-strict" in line
