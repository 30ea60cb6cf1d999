"""The report as files."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from bench.report import write_report
from bench.results import Results

PICTURES = {"accuracy-latency.svg", "latency.svg", "memory.svg"}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_results_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b" / "deeper"
    assert write_report(results, first) == first / "offline.md"
    write_report(results, second)
    assert _files(first) == _files(second)
    assert set(_files(first)) == {"offline.md"} | {f"offline/{name}" for name in PICTURES}


def test_pictures_are_svg_without_date_and_with_a_panel_of_their_own(results: Results, tmp_path: Path) -> None:
    write_report(results, tmp_path)
    for name in PICTURES:
        svg = (tmp_path / "offline" / name).read_text()
        assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314  # we wrote it
        assert "dc:date" not in svg
        assert "#fbfbfa" in svg


def test_what_was_not_measured_is_not_drawn_and_its_old_picture_goes(
    results: Results, hollow: Callable[..., Results], tmp_path: Path
) -> None:
    write_report(results, tmp_path)
    page = write_report(hollow("memory", "accuracy"), tmp_path).read_text(encoding="utf-8")
    assert {path.name for path in (tmp_path / "offline").iterdir()} == {"latency.svg"}
    assert "memory.svg" not in page
    assert "accuracy-latency.svg" not in page


def test_nothing_measured_draws_nothing(hollow: Callable[..., Results], tmp_path: Path) -> None:
    write_report(hollow("memory", "accuracy", "latency", "size"), tmp_path)
    assert set(_files(tmp_path)) == {"offline.md"}


def test_odd_figures_can_be_drawn(results: Results, tmp_path: Path) -> None:
    """One teacher whose samples are all the same, and a name in a script that the font lacks."""
    teacher = results.artifacts[0]
    flat = [m.model_copy(update={"samples_ms": [5.0] * 100, "p50_ms": 5.0, "p90_ms": 5.0}) for m in teacher.latency]
    alone = teacher.model_copy(update={"id": "教师$x$", "latency": flat, "size": None})
    write_report(results.model_copy(update={"artifacts": [alone], "reference": alone.id}), tmp_path)
    assert {path.name for path in (tmp_path / "offline").iterdir()} == PICTURES


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import bench.report, sys; "
        "print([m for m in ('torch', 'transformers', 'matplotlib', 'onnxruntime') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_drawing_leaves_matplotlib_as_it_was(results: Results, tmp_path: Path) -> None:
    import matplotlib

    before = matplotlib.rcParams.copy()  # dict() would look for a display
    write_report(results, tmp_path)
    assert matplotlib.rcParams.copy() == before
    assert "matplotlib.pyplot" not in sys.modules
