"""The installed wheel: one import name, every file, and no effect on a project that has packages of the same names.

An editable install finds `pocketbert` through the checkout, so it would hide a file that the wheel does not have.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import REPO
from tests.support.manifests import PLAIN, write_manifest

SOURCES = {"bench": REPO / "bench", "compress": REPO / "compress", "": REPO / "src/pocketbert"}
"""Folder below `pocketbert` -> where its files are in the checkout."""
NAMES = ("gate", "verdicts", "alone", "weigh", "gate_state", "judged", "verdict", "replay")
MINE = """
import sys
from pathlib import Path

import bench.mine
import compress
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.size
def test_mine(gate, verdicts, alone, weigh, gate_state, judged, verdict, replay):
    assert {gate, verdicts, alone, weigh, gate_state, judged, verdict, replay} == {"mine"}
    assert bench.mine.VALUE == 3
    ours = [name for name in sys.modules if name.split(".")[0] in ("bench", "compress")]
    assert {name: sys.modules[name].__file__ for name in ours} == {
        "bench": str(ROOT / "bench/__init__.py"),
        "bench.mine": str(ROOT / "bench/mine.py"),
        "compress": str(ROOT / "compress/__init__.py"),
    }
"""
CONFTEST = f"""
import pytest

for name in {NAMES}:
    globals()[name] = pytest.fixture(lambda: "mine", name=name)


def pytest_collection_finish(session):
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        terminal.write_line("modules: " + " ".join(sorted({{item.module.__name__ for item in session.items}})))
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel, and with the packages of this one, but without the editable install."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("bench", "compress", "src"):
        shutil.copytree(REPO / name, folder / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(REPO / name, folder / "copy")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", packages, folder / "copy"], check=True)
    # A path that a .pth file adds is searched, but its own .pth files, such as an editable install's, are not read.
    others = [path for path in sys.path if path.endswith("-packages")]
    (packages / "others.pth").write_text("\n".join(others))
    (folder / "venv/bin/pytest").write_text("import sys\nimport pytest\nsys.exit(pytest.main())\n")
    return folder / "venv/bin/python"


@pytest.fixture(scope="session")
def installed(python: Path) -> Path:
    """The installed package."""
    [package] = python.parents[1].glob("lib/python*/site-packages/pocketbert")
    return package


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages, fixtures and a marker of the same names as the gate's."""
    files = {
        "bench/__init__.py": "",
        "bench/mine.py": "VALUE = 3\n",
        "compress/__init__.py": "",
        "tests/__init__.py": "",
        "tests/conftest.py": CONFTEST,
        "tests/test_mine.py": MINE,
        "pytest.ini": "[pytest]\naddopts = --strict-markers -p no:cacheprovider\nmarkers =\n    size: mine\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(python: Path, folder: Path, *words: str) -> str:
    """Run Python as an installed user does, without this checkout on its path; return what it printed."""
    environment = {"PATH": str(python.parent), "HOME": str(folder), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    ran = subprocess.run(
        [python, *words], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return f"{ran.stdout}\nexit {ran.returncode}"


def names_below(folder: Path) -> set[str]:
    return {
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"
    }


def test_the_wheel_has_every_file_and_no_other_top_level_name(installed: Path) -> None:
    tree = {str(Path(top) / name) for top, folder in SOURCES.items() for name in names_below(folder)}
    assert {"py.typed", "bench/machine/profiles.toml", "bench/gate/plugin.py", "compress/cli.py"} < tree
    assert names_below(installed) == tree
    beside = {path.name for path in installed.parent.iterdir() if path.suffix != ".dist-info"}
    assert beside == {"pocketbert", "bin", "others.pth"}


def test_the_package_is_the_installed_one(python: Path, installed: Path, tmp_path: Path) -> None:
    code = "import pocketbert.bench.cli, pocketbert.compress.cli, pocketbert as p; print(p.__file__, p.bench.__file__)"
    files = f"{installed / '__init__.py'} {installed / 'bench/__init__.py'}"
    assert run(python, tmp_path, "-c", code) == f"{files}\n\nexit 0"


@pytest.mark.parametrize("command", ["pytest", "python -m pytest", "pytest -n 2"])
def test_a_project_keeps_its_own_names(python: Path, project: Path, command: str) -> None:
    if "-n" in command:
        pytest.importorskip("xdist")
    program, *words = command.split()
    said = run(python, project, *([str(python.parent / program)] if program == "pytest" else []), *words, "tests")
    assert "1 passed" in said, said


def test_the_gate_runs_beside_a_project_under_its_full_name(python: Path, project: Path, installed: Path) -> None:
    manifest = write_manifest(project / "models", {"small": PLAIN})
    gate = (
        "--pyargs",
        "pocketbert.bench",
        f"--gate-manifest={manifest}",
        "--gate-profiles=mobile-1t",
        "--gate-first-run",
    )
    said = run(python, project, str(python.parent / "pytest"), "-v", "-m", "size", "tests", *gate)
    assert "modules: pocketbert.bench.gate.test_gate tests.test_mine" in said, said
    assert "::test_size[small]" in said
    assert "2 passed, 4 deselected" in said
    assert (project / "reports/tiny.part.md").is_file()
    refused = run(python, project, str(python.parent / "pytest"), "-n", "2", "tests", *gate)
    assert "ERROR: pocketbert: several pytest processes would time each other" in refused, refused
    assert "exit 4" in refused
