"""Other people's tests: the fixtures `weigh` and `gate`, the marker, and the section in their pyproject.toml."""

import re
from pathlib import Path

import pytest

from pocketbert.bench.gate.options import project
from pocketbert.bench.records.results import Latency, Results
from pocketbert.bench.stats.intervals import Interval
from pocketbert.bench.verdicts.budget import Budget, judge, read
from pocketbert.compress.base.errors import BadInput
from tests.support.manifests import PLUGIN, SHIPS, Build, write_manifest

pytest_plugins = "pytester"
OWN = """
import pytest

@pytest.mark.latency_budget(ratio=1000.0, profile="mobile-1t/mix")
@pytest.mark.latency_budget(ratio=1000.0, of="other")
@pytest.mark.latency_budget(p50_ms=1e5, profile="mobile-1t")
def test_kept(weigh):
    small = weigh("small")
    assert small.size.bytes > 1000
    assert small.accuracy.value > 0.9

@pytest.mark.latency_budget(ratio=1e-6)
def test_broken(weigh):
    weigh("small")

@pytest.mark.latency_budget(p50_ms=1e-6)
def test_broken_in_ms(weigh):
    weigh("small")

@pytest.mark.latency_budget(ratio=1.0, profile="mobile-9t")
def test_no_such_profile(weigh):
    weigh("small")

def test_no_such_artifact(weigh):
    weigh("smaller")

@pytest.mark.latency_budget(ratio=1.0)
def test_that_never_weighs(weigh):
    pass

def test_verdicts(gate):
    assert [verdict.outcome for verdict in gate("small", "accuracy", "memory")] == ["ok", "ok"]

def test_red(gate):
    gate("small", "size")

def test_not_judged(gate):
    gate("small", "beauty")
"""


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
    result.assert_outcomes(passed=3, failed=6, errors=1)  # what never weighs passes, and errs at its end
    lines = "\n".join(result.outlines)
    for said in (
        r"latency over budget: small in mobile-1t/128 \S+ × reference \[\S+, \S+\]; budget 1e-06 × reference",
        r"latency over budget: small in mobile-1t/128 \S+ ms \[\S+, \S+\]; budget 1e-06 ms\n"
        r"alone: pytest test_own\.py::test_broken_in_ms --gate-manifest ",
        r"pocketbert: profile 'mobile-9t' was not weighed; legal: mobile-1t",
        r"pocketbert: no artifact 'smaller' was weighed; legal: reference, small, other",
        r"pocketbert: latency_budget: the test never called `weigh`",
        r"size regressed: small .*; threshold \+1%\nalone: pytest test_own\.py::test_red --gate-manifest ",
        r"pocketbert: nothing judged of 'small beauty'; legal: small \(latency\), small \(memory\)",
    ):
        assert re.search(said, lines), said
    assert "Traceback" not in lines
    assert (pytester.path / "project/out/tiny.md").is_file()
    assert (pytester.path / "project/kept").is_dir()
    assert not (pytester.path / "project/tests/reports").exists()


def test_a_manifest_that_is_not_there_fails_these_tests_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(weigh): weigh('small')\n\ndef test_other(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["pocketbert: *manifest.json: no such manifest; build one with*"])


def test_a_budget_without_the_fixture_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.latency_budget(ratio=1)\ndef test_own(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pocketbert: *::test_own: latency_budget needs the fixture `weigh`"])


@pytest.fixture
def timed(weighed: Results) -> Results:
    """`small` takes 0.20 (0.19 to 0.21) of the reference's time, `other` 0.40 (0.39 to 0.41); 100 requests of 8 ms."""
    ratios = {"small": (0.20, 0.19, 0.21), "other": (0.40, 0.39, 0.41)}
    artifacts = []
    for a in weighed.artifacts:
        estimate, low, high = ratios.get(a.id, (1.0, 1.0, 1.0))
        entry = Latency(
            profile="mobile-1t",
            length="128",
            runs=100,
            p50_ms=8.0,
            p90_ms=8.4,
            ratio=Interval(estimate=estimate, low=low, high=high),
            # Three sets of processes: 34, 33 and 33 requests, one of the sets slower throughout.
            samples_ms=[8.0] * 34 + [8.4] * 33 + [8.0] * 33,
        )
        artifacts.append(a.model_copy(update={"latency": [entry]}))
    return weighed.model_copy(update={"artifacts": artifacts})


@pytest.mark.parametrize(
    ("budget", "outcome"),
    [
        (Budget(ratio=0.25), "ok"),
        (Budget(ratio=0.205), "inconclusive"),
        (Budget(ratio=0.15), "over"),
        (Budget(ratio=0.15, of="reference"), "over"),
        (Budget(ratio=0.54, of="other"), "ok"),  # 0.50, about 0.474 to 0.527
        (Budget(ratio=0.51, of="other"), "inconclusive"),
        (Budget(ratio=0.47, of="other"), "over"),
        (Budget(p50_ms=9.0), "ok"),
        (Budget(p50_ms=8.2), "inconclusive"),  # between sets it differs by more than inside any
        (Budget(p50_ms=7.0), "over"),
    ],
)
def test_a_budget_is_judged_by_the_interval(timed: Results, budget: Budget, outcome: str) -> None:
    assert judge(budget, timed.artifact("small"), timed).outcome == outcome


def test_what_cannot_be_measured_here_is_absent(timed: Results) -> None:
    profiles = [p.model_copy(update={"skipped": "needs 4 cores"}) for p in timed.profiles]
    absent = judge(Budget(ratio=1.0), timed.artifact("small"), timed.model_copy(update={"profiles": profiles}))
    assert (absent.outcome, absent.message) == (
        "absent",
        "latency: small in mobile-1t/128: profile mobile-1t needs 4 cores",
    )
    broken = timed.artifact("small").model_copy(update={"latency": [], "failures": ["latency mobile-1t: it died"]})
    assert judge(Budget(ratio=1.0), broken, timed).message.endswith("latency mobile-1t: it died")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((0.2,), {}),
        ((), {"ratio": 0.2, "p50_ms": 3}),
        ((), {"ratio": "fast"}),
        ((), {"ratio": -1}),
        ((), {"ratio": 0.2, "artifact": "small"}),
        ((), {"p50_ms": 3, "of": "other"}),
        ((), {"ratio": 0.2, "of": 3}),
    ],
)
def test_a_marker_that_says_something_else_is_refused(args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"^latency_budget\(.*legal: ratio=0\.2 or p50_ms=10\.0"):
        read(args, kwargs)


@pytest.mark.parametrize(
    ("section", "pattern"),
    [
        ("manifests = 'x'", r"\[tool\.pocketbert\] manifests; legal: manifest, baseline, reports, store, profiles"),
        ("manifest = 3", r"manifest is 3; legal: a path"),
        ("profiles = 'cpu'", r"profiles is 'cpu'; legal: a list of names"),
        ("budget = true", r"budget is True; legal: seconds"),
        ("budget = = 3", r"pyproject\.toml: cannot be read"),
    ],
)
def test_a_section_that_cannot_be_used_is_refused(tmp_path: Path, section: str, pattern: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.pocketbert]\n{section}\n")
    with pytest.raises(BadInput, match=pattern):
        project(tmp_path / "deeper")


def test_the_nearest_pyproject_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pocketbert]\nmanifest = 'm.json'\n")
    (tmp_path / "inner").mkdir()
    assert project(tmp_path / "inner").path("manifest") == tmp_path / "m.json"
    assert project(tmp_path).path("store") is None
    (tmp_path / "inner/pyproject.toml").write_text("[project]\n")
    assert project(tmp_path / "inner").path("manifest") is None
