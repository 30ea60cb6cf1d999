"""docs/example/ works for somebody who has nothing but the package: copied away, run by a pytest of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import REPO
from tests.support.manifests import PLUGIN
from tests.support.pages import EXAMPLE, FILES


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example, made as its README says."""
    for name in FILES:
        shutil.copy(EXAMPLE / name, tmp_path)
    run(tmp_path, "make_models.py")
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python in that folder; pocketbert is found as an installed package would be."""
    environment = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_the_example_is_green_then_judged_then_red(project: Path) -> None:
    test = ("-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", "-q")
    lost = run(project, *test)
    assert "baseline.json: no such baseline, which [tool.pocketbert] names" in lost.stdout + lost.stderr
    first = run(project, *test, "--gate-first-run")
    assert "2 passed" in first.stdout, first.stdout + first.stderr
    assert (project / "build/reports/reviews.md").is_file()

    update = "from pocketbert.bench.cli import main; main()"
    updated = run(project, "-c", update, "baseline", "update", "build/reports/reviews.json", "--yes")
    assert "written: " in updated.stdout, updated.stderr
    assert (project / "models/baseline.json").is_file()

    # A student that is as slow as its teacher, and larger than it was.
    shutil.copy(project / "models/teacher.onnx", project / "models/student.onnx")
    second = run(project, *test)
    assert "2 failed" in second.stdout, second.stdout + second.stderr
    assert "latency over budget: student.onnx in mobile-1t/128" in second.stdout
    assert "size regressed: student.onnx" in second.stdout


def test_the_readme_names_every_file() -> None:
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in EXAMPLE.iterdir() if path.is_file()} == {*FILES, "README.md"}
    assert all(f"`{name}`" in page for name in FILES)
