"""The report as files."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pocketbert.bench.records.results import Results, Size
from pocketbert.bench.report.page import write_report
from pocketbert.bench.report.plots import accuracy_latency, beside_baseline, guard_path, size_parts
from pocketbert.bench.report.plots.style import style
from pocketbert.compress.manifest import Try

PICTURES = {"accuracy-latency.svg", "guard.svg", "latency.svg", "memory.svg", "size.svg"}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_results_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b" / "deeper"
    assert write_report(results, first / "offline.json") == first / "offline.md"
    write_report(results, second / "offline.json")
    assert _files(first) == _files(second)
    assert set(_files(first)) == {"offline.md"} | {f"offline/{name}" for name in PICTURES}


def test_pictures_are_svg_without_date_and_with_a_panel_of_their_own(results: Results, tmp_path: Path) -> None:
    write_report(results, tmp_path / "offline.json")
    for name in PICTURES:
        svg = (tmp_path / "offline" / name).read_text()
        assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314  # we wrote it
        assert "dc:date" not in svg
        assert "#fbfbfa" in svg


def test_what_was_not_measured_is_not_drawn_and_its_old_picture_goes(
    results: Results, hollow: Callable[..., Results], tmp_path: Path
) -> None:
    write_report(results, tmp_path / "offline.json")
    page = write_report(hollow("memory", "accuracy"), tmp_path / "offline.json").read_text(encoding="utf-8")
    assert {path.name for path in (tmp_path / "offline").iterdir()} == {"guard.svg", "latency.svg", "size.svg"}
    assert "memory.svg" not in page
    assert "accuracy-latency.svg" not in page


def test_nothing_measured_draws_nothing(hollow: Callable[..., Results], tmp_path: Path) -> None:
    write_report(
        hollow("memory", "accuracy", "latency", "size").model_copy(update={"steps": []}), tmp_path / "offline.json"
    )
    assert set(_files(tmp_path)) == {"offline.md"}


def test_odd_figures_can_be_drawn(results: Results, tmp_path: Path) -> None:
    """One teacher whose samples are all the same, and a name in a script that the font lacks."""
    teacher = results.artifacts[0]
    flat = [m.model_copy(update={"samples_ms": [5.0] * 100, "p50_ms": 5.0, "p90_ms": 5.0}) for m in teacher.latency]
    alone = teacher.model_copy(update={"id": "教师$x$", "latency": flat, "size": None})
    write_report(results.model_copy(update={"artifacts": [alone], "reference": alone.id}), tmp_path / "offline.json")
    assert {path.name for path in (tmp_path / "offline").iterdir()} == PICTURES - {"size.svg"}


def test_the_baseline_stands_behind_the_candidate(beside: Results) -> None:
    with style():
        figure = beside_baseline.draw(beside)
    assert figure
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert list(panels) == ["cpu, 128 tokens", "mobile-1t, 128 tokens"]  # one panel per profile, at one length
    baseline, candidate = (line.get_xdata()[0] for line in panels["mobile-1t, 128 tokens"].get_lines()[1::2])
    assert candidate / baseline == pytest.approx(1.11, abs=0.04)
    assert "+11.0 % (9.5 to 12.6)" in "".join(text.get_text() for text in panels["cpu, 128 tokens"].texts)
    assert beside_baseline.draw(beside.model_copy(update={"paired": []})) is None


def test_parts_of_a_bar_add_up_to_the_file(results: Results) -> None:
    figure = size_parts.draw(results)
    assert figure
    bars: dict[float, float] = {}
    for bar in figure.axes[0].patches:
        bars[bar.get_y()] = bars.get(bar.get_y(), 0.0) + bar.get_width()
    megabytes = [a.size.bytes / 1e6 for a in results.artifacts if a.size]
    assert sorted(w for w in bars.values() if w)[:7] == pytest.approx(sorted(megabytes), rel=1e-3)
    assert figure.axes[0].get_xlabel() == "MB on disk"


def test_small_files_have_an_axis_in_kilobytes(results: Results) -> None:
    tiny = results.artifacts[0].model_copy(update={"size": Size(bytes=90_000, deflated_bytes=1, parts={"FFN": 90_000})})
    figure = size_parts.draw(results.model_copy(update={"artifacts": [tiny]}))
    assert figure
    assert figure.axes[0].get_xlabel() == "kB on disk"
    assert figure.axes[0].patches[0].get_width() + figure.axes[0].patches[2].get_width() == pytest.approx(90)


def test_the_guards_path_passes_by_what_was_rejected(results: Results) -> None:
    step = results.steps[2]
    assert step.comparison
    tries = [
        Try(strength=0.5, comparison=step.comparison.model_copy(update={"value": 0.80}), accepted=False),
        Try(strength=0.25, comparison=step.comparison, accepted=True),
        Try(strength=0.37, comparison=step.comparison.model_copy(update={"value": 0.82}), accepted=False),
    ]
    steps = [s.model_copy(update={"tries": tries}) if s is step else s for s in results.steps]
    figure = guard_path.draw(results.model_copy(update={"steps": steps}))
    assert figure
    lines = figure.axes[0].get_lines()
    path = lines[0]
    assert len(path.get_xdata()) == len(steps)
    assert 80.0 not in path.get_ydata().round(1)
    crosses = [line.get_ydata()[0] for line in lines if line.get_marker() == "x" and len(line.get_ydata())]
    assert crosses == [80.0, 82.0]
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["0.5", "0.25", "0.37"]
    threshold = next(line for line in lines if line.get_linestyle() == "--")
    assert threshold.get_ydata()[0] == pytest.approx(85.5)


def test_the_front_is_what_nothing_beats(results: Results) -> None:
    figure = accuracy_latency.draw(results)
    assert figure
    front = next(line for line in figure.axes[0].get_lines() if line.get_drawstyle() == "steps-post")
    # The INT8 file is fastest; all others with less than its 85.92 % are beaten by it.
    assert front.get_ydata().tolist() == pytest.approx([85.92, 86.06, 86.5, 86.67])


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import pocketbert.bench.report, sys; "
        "print([m for m in ('torch', 'transformers', 'matplotlib', 'onnxruntime') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_drawing_leaves_matplotlib_as_it_was(results: Results, tmp_path: Path) -> None:
    import matplotlib

    before = matplotlib.rcParams.copy()  # dict() would look for a display
    write_report(results, tmp_path / "offline.json")
    assert matplotlib.rcParams.copy() == before
    assert "matplotlib.pyplot" not in sys.modules
