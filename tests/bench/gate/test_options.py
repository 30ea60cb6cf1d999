"""Where each option of a gate run comes from, and the command that runs one item alone."""

import shlex
from pathlib import Path

import pytest

from pocketbert.bench.gate.options import BUDGET_S, DEFAULTS, GateOptions, read, rerun_command
from pocketbert.compress.base.errors import BadInput
from tests.support.manifests import PLUGIN

pytest_plugins = "pytester"
SECTION = """
[tool.pocketbert]
manifest = "models/m.json"
baseline = "models/b.json"
profiles = ["cpu"]
budget = 5
strict = true
"""


def options(pytester: pytest.Pytester, *words: str) -> GateOptions:
    return read(pytester.parseconfig(*PLUGIN, *words))


def test_without_a_word_the_defaults_hold(pytester: pytest.Pytester) -> None:
    found = options(pytester)
    assert (found.manifest, found.reports, found.store) == tuple(map(Path, DEFAULTS.values()))
    assert (found.profiles, found.baseline, found.default_baseline, found.strict) == ((), None, None, False)
    assert (found.budget_s, found.baseline_python) == (BUDGET_S, None)


def test_the_project_says_more_than_the_defaults(pytester: pytest.Pytester) -> None:
    (pytester.path / "pyproject.toml").write_text(SECTION)
    found = options(pytester)
    assert found.manifest == pytester.path / "models/m.json"
    assert (found.baseline, found.default_baseline) == (None, pytester.path / "models/b.json")
    assert (found.profiles, found.budget_s, found.strict) == (("cpu",), 5.0, True)
    assert found.reports == Path(DEFAULTS["reports"])


def test_the_command_line_goes_first(pytester: pytest.Pytester) -> None:
    (pytester.path / "pyproject.toml").write_text(SECTION)
    words = (
        "--gate-manifest=n.json",
        "--gate-baseline=c.json",
        "--gate-profiles=mobile-1t, mobile-2t,",
        "--gate-budget=0",
    )
    found = options(pytester, *words)
    assert (found.manifest, found.baseline) == (Path("n.json"), Path("c.json"))
    assert (found.profiles, found.budget_s) == (("mobile-1t", "mobile-2t"), 0.0)
    assert [word for word in shlex.split(found.command) if word in words] == list(words)


def test_defaults_are_relative_to_the_root_and_not_to_the_working_folder(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, deeper = pytester.path, pytester.mkdir("deeper")
    monkeypatch.chdir(deeper)
    outside = read(pytester.parseconfig(*PLUGIN, f"--rootdir={root}"))
    assert (outside.manifest, outside.baselines) == (root / DEFAULTS["manifest"], root / "baselines")
    (root / "pyproject.toml").write_text("[tool.pocketbert]\n")
    for rootdir in (root, deeper):
        found = read(pytester.parseconfig(*PLUGIN, f"--rootdir={rootdir}", "--gate-baseline=b.json"))
        assert (found.reports, found.baselines, found.baseline) == (
            root / "reports",
            root / "baselines",
            Path("b.json"),
        )


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_a_budget_that_is_no_time_is_refused(pytester: pytest.Pytester, seconds: str) -> None:
    with pytest.raises(BadInput, match=rf"--gate-budget {seconds}: expected a number of seconds, 0 or more"):
        options(pytester, f"--gate-budget={seconds}")


def test_an_item_of_a_project_is_rerun_by_its_node_with_the_same_options(pytester: pytest.Pytester) -> None:
    words = ("--gate-strict", "--gate-budget=3", f"--gate-store={pytester.path / 'a store'}")
    item = pytester.getitem("def test_own(): pass", "test_own")
    config = pytester.parseconfig(*PLUGIN, *words)
    item.config = config
    command = shlex.split(rerun_command(item, pytester.path / "m.json"))
    assert command[:2] == ["pytest", f"{item.path.name}::test_own"]
    given = ["--gate-manifest", "m.json", "--gate-strict", "--gate-store", "a store", "--gate-budget", "3.0"]
    assert command[2:] == given


def test_texts_are_shown_on_request(pytester: pytest.Pytester) -> None:
    assert not options(pytester).show_texts
    assert options(pytester, "--gate-show-texts").show_texts
