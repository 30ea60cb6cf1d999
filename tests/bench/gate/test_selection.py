"""The exit code follows the verdicts: whatever takes items away, a regression is red and an empty run is too."""

from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pocketbert.bench.gate.selection import check_complete
from pocketbert.bench.gate.session import Session
from pocketbert.bench.records.results import Results, Verdict
from pocketbert.bench.verdicts.items import Item
from tests.support import REPO
from tests.support.manifests import PLUGIN, SHIPS, Run, write_manifest

pytest_plugins = "pytester"
PROFILE = "--gate-profiles=mobile-1t"


@pytest.fixture
def manifest(pytester: pytest.Pytester) -> Path:
    return write_manifest(pytester.path / "m", SHIPS)


@pytest.fixture
def judged(weighed: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verdict on `small` is `regressed`, every other one `ok`; nothing is measured or written."""

    def run(session: Session, _: object, wanted: Collection[Item] | None = None) -> dict[Item, Verdict]:
        items = [item for item in session.items if wanted is None or item in wanted]
        verdicts = {
            item: Verdict(
                metric=item.metric,
                artifact=item.artifact,
                profile=None,
                outcome="regressed" if item.artifact == "small" else "ok",
                gated=True,
                baseline=1.0,
                measured=2.0,
                interval=None,
                threshold=0.01,
                message="",
                fails=item.artifact == "small",
            )
            for item in items
        }
        session.results = weighed.model_copy(update={"verdicts": list(verdicts.values())})
        return verdicts

    monkeypatch.setattr(Session, "run", run)
    monkeypatch.setattr(Session, "write_report", lambda session: None)


TAKEN_AWAY = """
import pytest

def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != "test_accuracy[small]"]
    for item in items:
        item.add_marker(pytest.mark.skip if item.name == "test_memory[small]" else pytest.mark.xfail)
"""


@pytest.mark.usefixtures("judged")
def test_a_regression_is_red_whatever_became_of_its_item(bench: Run, pytester: pytest.Pytester, manifest: Path) -> None:
    pytester.makeconftest(TAKEN_AWAY)
    result = bench(manifest, PROFILE, "-k", "small", "-m", "not size", ".")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(skipped=1, xfailed=2, deselected=6)
    result.stdout.fnmatch_lines(
        [
            "exit code 1: failing verdicts: 4, failing items: none; items were skipped, deselected or expected to fail",
            "small",
            "  regressed !  latency P50 *",
            "6 of 10 items left out by -k, -m or node ids: neither measured nor compared",
        ]
    )


@pytest.mark.usefixtures("judged")
def test_what_a_selection_leaves_out_is_not_judged(bench: Run, manifest: Path) -> None:
    result = bench(manifest, PROFILE, "-k", "other")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["5 of 10 items left out by *"])


def test_a_run_in_which_nothing_was_measured_is_red(bench: Run, manifest: Path) -> None:
    options = (PROFILE, "-m", "size", "--benchmark-only")
    result = bench(manifest, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["exit code 1: nothing was measured: none of 2 selected items of the gate was run"])
    assert bench(manifest, *options, "--collect-only").ret == pytest.ExitCode.OK


def test_a_selection_that_leaves_nothing_of_the_gate_is_red_where_the_gate_was_asked_for(
    bench: Run, pytester: pytest.Pytester, manifest: Path
) -> None:
    own = pytester.makepyfile("def test_own(): pass")
    result = bench(manifest, PROFILE, "-k", "test_own", str(own))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["exit code 1: nothing was measured: -k, -m and node ids leave none of 10 items"])


def test_tests_of_the_gate_that_are_ignored_are_missed(pytester: pytest.Pytester, manifest: Path) -> None:
    own = pytester.makepyfile("def test_own(): pass")
    asked = ("-p", "no:cacheprovider", f"--gate-manifest={manifest}", "--gate-first-run")
    ignored = (*asked, f"--ignore={REPO / 'bench/gate/test_gate.py'}")
    result = pytester.runpytest_inprocess(*PLUGIN, *ignored, str(REPO / "bench"), str(own))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["exit code 1: nothing was measured: the gate's tests were not collected, *--ignore"])


OWN = """
import pytest

def test_other(pocketbert_gate):
    pocketbert_gate("other")

@pytest.mark.xfail
def test_small(pocketbert_gate):
    pocketbert_gate("small", "size")
"""


@pytest.mark.usefixtures("judged")
def test_a_projects_own_tests_judge_what_they_ask_for(pytester: pytest.Pytester, manifest: Path) -> None:
    pytester.makepyfile(OWN)
    plain = (*PLUGIN, "-p", "no:cacheprovider", f"--gate-manifest={manifest}", PROFILE, "--gate-first-run")
    other = pytester.runpytest_inprocess(*plain, "-k", "other")
    assert other.ret == pytest.ExitCode.OK
    other.stdout.fnmatch_lines(["failing verdicts that no test of this run asks for: 5"])
    both = pytester.runpytest_inprocess(*plain)
    both.assert_outcomes(passed=1, xfailed=1)
    assert both.ret == pytest.ExitCode.TESTS_FAILED
    both.stdout.fnmatch_lines(["exit code 1: failing verdicts: 1, *", "failing verdicts that no test * asks for: 4"])


def test_the_last_failed_items_alone_are_refused(bench: Run, manifest: Path) -> None:
    result = bench(manifest, PROFILE, "--lf", "-p", "cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: pocketbert: --lf takes items away from the gate: select with*"])


def test_items_that_were_not_collected_are_refused_unless_a_node_is_named() -> None:
    every = [Item("size", "small"), Item("size", "other")]
    whole, node = (cast("pytest.Config", SimpleNamespace(args=[arg])) for arg in ("bench", "test_gate.py::test_size"))
    check_complete(whole, every, every)
    check_complete(node, every[:1], every)
    with pytest.raises(pytest.UsageError, match="1 of 2 items of the gate were not collected"):
        check_complete(whole, every[:1], every)
