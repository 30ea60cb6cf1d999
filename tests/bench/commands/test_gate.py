"""`pocketbert gate`: pytest in any folder, its options untouched, its exit codes translated."""

import subprocess
import sys
from pathlib import Path

import pytest

from pocketbert.bench.cli import main
from tests.support.manifests import SHIPS, write_manifest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a built recipe `tiny`."""
    monkeypatch.chdir(tmp_path)
    write_manifest(tmp_path / "artifacts/tiny", SHIPS)
    return tmp_path


def gate(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pocketbert", "gate", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(("pytests", "ours"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 2), (5, 1), (143, 143)])
def test_exit_codes_are_those_of_pocketbert(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pytests: int, ours: int
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("pytest.main", lambda arguments, plugins: asked.append(arguments) or pytests)
    assert gate(monkeypatch, "tiny", "--gate-first-run", "-k", "not small", "-rA", "--", "x") == ours
    assert asked == [
        [
            *("--pyargs", "pocketbert.bench", "--rootdir=.", "--benchmark-columns=median,iqr,rounds"),
            "--gate-manifest=artifacts/tiny/manifest.json",
            *("--gate-first-run", "-k", "not small", "-rA", "--", "x"),
        ]
    ]
    assert ("nothing was measured" in capsys.readouterr().err) == (pytests == 5)


def test_ctrl_c_and_a_test_file_that_cannot_be_imported_have_different_exit_codes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "test_broken.py").write_text("import nothing_of_that_name\n")
    options = ("tiny", "--gate-first-run", "--gate-profiles=mobile-1t", "-p", "no:cacheprovider")
    assert gate(monkeypatch, *options, "test_broken.py") == 2
    assert "error during collection" in capfd.readouterr().out
    # The plugin ends a run with pytest's own code if Ctrl-C comes while it measures.
    for interrupted in ("raise KeyboardInterrupt\n", "import pytest\npytest.exit('interrupted', returncode=2)\n"):
        (project / "test_broken.py").write_text(interrupted)
        assert gate(monkeypatch, *options, "test_broken.py") == 130


def test_the_root_is_the_projects_or_the_one_that_is_given(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("pytest.main", lambda arguments, plugins: asked.append(arguments) or 0)
    gate(monkeypatch, "tiny", "--rootdir=/x")
    (project / "pyproject.toml").write_text("[tool.pocketbert]\n")
    gate(monkeypatch, "tiny")
    assert ["--rootdir=." in arguments for arguments in asked] == [False, False]


def test_the_plugins_are_loaded_where_pytest_loads_none_by_itself(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("pytest.main", lambda arguments, plugins: asked.append(arguments) or 0)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    gate(monkeypatch, "tiny")
    assert asked[0][:4] == ["-p", "pocketbert", "-p", "benchmark"]


def test_the_recipe_comes_first_and_help_is_the_commands_own(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(monkeypatch, "-q", "tiny") == 2
    assert "write the recipe first, then pytest's options: pocketbert gate mine -q" in capsys.readouterr().err
    assert gate(monkeypatch, "tiny", "--help") == 0
    assert "RECIPE are pytest's" in " ".join(capsys.readouterr().out.split())
    assert gate(monkeypatch, "unknown") == 2
    assert "build the recipe first: pocketbert build unknown" in capsys.readouterr().err


def test_a_users_own_bench_and_tests_are_left_alone(project: Path) -> None:
    """The user's conftest.py imports a package `bench`, as which pytest would import the tests of a checkout."""
    for name in ("bench", "tests"):
        (project / name).mkdir()
        (project / name / "__init__.py").touch()
    (project / "bench/test_theirs.py").write_text("def test_it():\n    assert False\n")
    (project / "tests/conftest.py").write_text(
        "import bench\n\nassert bench.__file__.startswith('" + str(project) + "')\n"
    )
    (project / "conftest.py").touch()
    code = "from pocketbert.bench.cli import main; main()"
    options = ("--gate-first-run", "--gate-profiles=mobile-1t", "--collect-only", "-q", "-p", "no:cacheprovider")
    ran = subprocess.run(
        [sys.executable, "-c", code, "gate", "tiny", *options], capture_output=True, text=True, cwd=project
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    collected = [line.split("::")[1] for line in ran.stdout.splitlines() if "::" in line]
    assert "test_size[small]" in collected
    assert "test_it" not in ran.stdout
