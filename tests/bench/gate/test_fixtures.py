"""A project's own tests: the fixtures `pocketbert_measure` and `pocketbert_gate`, and the marker `latency_budget`."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pocketbert.bench.gate.fixtures import Inconclusive, Measure, fail
from tests.support.manifests import PLUGIN, SHIPS, Build, write_manifest
from tests.support.results import INT8, made_up_run

pytest_plugins = "pytester"
OWN = """
import pytest

@pytest.mark.latency_budget(ratio=1000.0, profile="mobile-1t/mix")
@pytest.mark.latency_budget(ratio=1000.0, of="other")
@pytest.mark.latency_budget(p50_ms=1e5, profile="mobile-1t")
def test_kept(pocketbert_measure):
    small = pocketbert_measure("small")
    assert small.size.bytes > 1000
    assert small.accuracy.value > 0.9

@pytest.mark.latency_budget(ratio=1e-6)
def test_broken(pocketbert_measure):
    pocketbert_measure("small")

@pytest.mark.latency_budget(p50_ms=1e-6)
def test_broken_in_ms(pocketbert_measure):
    pocketbert_measure("small")

@pytest.mark.latency_budget(ratio=1.0, profile="mobile-9t")
def test_no_such_profile(pocketbert_measure):
    pocketbert_measure("small")

def test_no_such_artifact(pocketbert_measure):
    pocketbert_measure("smaller")

@pytest.mark.latency_budget(ratio=1.0)
def test_that_never_weighs(pocketbert_measure):
    pass

def test_verdicts(pocketbert_gate):
    assert [verdict.outcome for verdict in pocketbert_gate("small", "accuracy", "memory")] == ["ok", "ok"]

def test_red(pocketbert_gate):
    pocketbert_gate("small", "size")

def test_not_judged(pocketbert_gate):
    pocketbert_gate("small", "beauty")

def test_misspelt(pocketbert_gate):
    pocketbert_gate("small", "accuracy", "latncy")
"""


@pytest.mark.usefixtures("two_sets")
def test_fixtures_marker_and_section(
    pytester: pytest.Pytester, baseline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(pytester.path / "project/models", SHIPS | {"small": Build(padding_bytes=2000)})
    (pytester.path / "project/pyproject.toml").write_text(
        f"""
        [tool.pocketbert]
        manifest = "models/manifest.json"
        baseline = "{baseline}"
        profiles = ["mobile-1t"]
        reports = "out"
        store = "kept"
        """
    )
    (pytester.mkdir("project/tests") / "test_own.py").write_text(OWN)
    monkeypatch.chdir(pytester.path / "project/tests")
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", "--strict-markers")
    result.assert_outcomes(passed=3, failed=7, errors=1)  # what never weighs passes, and errs at its end
    lines = "\n".join(result.outlines)
    for said in (
        r"latency over budget: small in mobile-1t/128: \S+ × reference \(95 % CI \S+ to \S+, budget 1e-06\)",
        r"latency over budget: small in mobile-1t/128: \S+ ms \(95 % CI \S+ to \S+, budget 1e-06\)\n"
        r"rerun only this: pytest test_own\.py::test_broken_in_ms --gate-manifest ",
        r"pocketbert: latency_budget: profile 'mobile-9t' was not measured; measured: mobile-1t",
        r"pocketbert: unknown artifact 'smaller'; expected one of: reference, small, other",
        r"pocketbert: latency_budget: the test never called `pocketbert_measure`",
        r"size regressed: small: .* limit \+1 %\)\nrerun only this: pytest test_own\.py::test_red --gate-manifest ",
        r"pocketbert: no verdict on 'small latncy'; expected one of: small \(latency\), small \(memory\)",
        r"pocketbert: no verdict on 'small beauty'; expected one of: small \(latency\), small \(memory\)",
    ):
        assert re.search(said, lines), said
    assert "Traceback" not in lines
    assert (pytester.path / "project/out/tiny.md").is_file()
    assert (pytester.path / "project/kept").is_dir()
    assert not (pytester.path / "project/tests/reports").exists()


def test_a_manifest_that_is_not_there_fails_these_tests_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(pocketbert_measure): pocketbert_measure('small')\n\ndef test_other(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["pocketbert: *manifest.json: no such manifest; build one with*"])


def test_a_budget_without_the_fixture_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.latency_budget(ratio=1)\ndef test_own(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: pocketbert: *::test_own: latency_budget needs the fixture `pocketbert_measure`"]
    )


def test_a_projects_own_fixtures_of_the_old_names_win(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def weigh():
            return 3

        @pytest.fixture
        def gate(weigh):
            return weigh + 1
        """
    )
    pytester.makepyfile("def test_own(gate): assert gate == 4")
    pytester.runpytest_inprocess(*PLUGIN, "-Werror").assert_outcomes(passed=1)


def budgets(*wanted: dict[str, object]) -> Any:
    """A test with these latency budgets."""
    return SimpleNamespace(iter_markers=lambda _: [pytest.mark.latency_budget(**each).mark for each in wanted])


KEPT, OVER = {"ratio": 1000.0, "profile": "cpu"}, {"ratio": 1e-6, "profile": "cpu"}
ABSENT = {"ratio": 1000.0, "profile": "mobile-4t"}


@pytest.mark.parametrize("wanted", [(ABSENT, OVER), (OVER, ABSENT)])
def test_a_budget_that_cannot_run_here_hides_no_other_one(wanted: tuple[dict[str, object], ...]) -> None:
    with pytest.raises(pytest.fail.Exception, match="latency over budget"):
        Measure(budgets(*wanted), made_up_run(), False, "pytest")(INT8)
    assert Measure(budgets(ABSENT, KEPT), made_up_run(), False, "pytest")(INT8).id == INT8
    with pytest.raises(pytest.skip.Exception, match="needs 4 cores"):
        Measure(budgets(ABSENT), made_up_run(), False, "pytest")(INT8)
    with pytest.raises(pytest.fail.Exception, match="needs 4 cores"):
        Measure(budgets(ABSENT, KEPT), made_up_run(), True, "pytest")(INT8)


def test_a_message_of_a_failing_check_is_one_printable_line() -> None:
    """Ids and errors of a runtime are in it, which files bring along."""
    with pytest.raises(pytest.fail.Exception) as failed:
        fail(["a\x1b]0;x\x07\n::error::b"], "pytest -k x")
    first, second = str(failed.value).splitlines()
    assert first.isprintable() and "::error::b" in first
    assert second == "rerun only this: pytest -k x"


def test_a_budget_that_is_undecided_warns_and_one_without_times_fails() -> None:
    run = made_up_run()
    [entry] = [e for e in run.artifact(INT8).latency if (e.profile, e.length) == ("cpu", "128")]
    near = budgets({"ratio": entry.ratio.estimate, "profile": "cpu"})
    with pytest.warns(Inconclusive, match="latency inconclusive"):
        Measure(near, run, False, "pytest")(INT8)
    with pytest.raises(pytest.fail.Exception, match="latency inconclusive"):
        Measure(near, run, True, "pytest")(INT8)
    run.artifact(INT8).latency.clear()
    with pytest.raises(pytest.fail.Exception, match="not measured"):
        Measure(budgets(KEPT), run, False, "pytest")(INT8)
