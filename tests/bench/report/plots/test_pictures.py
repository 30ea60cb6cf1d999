"""Every picture, and the rules that single ones follow."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from pocketbert.bench.records.results import Results, Size
from pocketbert.bench.report import plots
from pocketbert.bench.report.page import write_report
from pocketbert.bench.report.plots import accuracy_latency, forest, guard, memory, pictures, size
from pocketbert.bench.report.plots.style import save, style
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.manifest import Try
from tests.support.results import INT8

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = {"accuracy-latency.svg", "forest.svg", "latency.svg", "memory.svg", "size.svg"}
PARTS = ["accuracy", "latency", "memory", "size"]
Draw = Callable[[str, bool], "Figure | None"]


@pytest.fixture
def draw(beside: Results, weakened: Results, hollow: Callable[..., Results]) -> Draw:
    """Draw one picture of a run that has everything, or of a run without figures."""
    full = beside.model_copy(update={"steps": weakened.steps})
    nothing = hollow(*PARTS).model_copy(update={"steps": [], "verdicts": []})

    def draw(name: str, whole: bool) -> "Figure | None":
        with style():
            figure: Figure | None = pictures()[name].draw(full if whole else nothing)
            return figure

    return draw


@pytest.fixture
def weakened(results: Results) -> Results:
    """The stage `prune-heads` was tried at four strengths."""
    step = results.steps[2]
    assert step.comparison
    tries = [
        Try(strength=0.7, comparison=None, accepted=False),  # of NaN there is nothing to draw
        Try(strength=0.5, comparison=step.comparison.model_copy(update={"value": 0.80}), accepted=False),
        Try(strength=0.25, comparison=step.comparison, accepted=True),
        Try(strength=0.37, comparison=step.comparison.model_copy(update={"value": 0.82}), accepted=False),
    ]
    steps = [s.model_copy(update={"tries": tries}) if s is step else s for s in results.steps]
    return results.model_copy(update={"steps": steps})


def test_every_module_that_draws_is_a_picture() -> None:
    folder = Path(plots.__path__[0])
    drawing = [path for path in folder.glob("*.py") if re.search(r"^def draw\(", path.read_text(), re.MULTILINE)]
    assert list(pictures()) == sorted(f"{path.stem.replace('_', '-')}.svg" for path in drawing)
    assert {"accuracy-latency.svg", "forest.svg"} < set(pictures())


@pytest.mark.parametrize("name", pictures())
def test_a_picture_is_the_same_bytes_from_the_same_figures(draw: Draw, name: str, tmp_path: Path) -> None:
    assert draw(name, False) is None
    for copy in ("a.svg", "b.svg"):
        figure = draw(name, True)
        assert figure
        with style():
            save(figure, tmp_path / copy, "t", "d")
    svg = (tmp_path / "a.svg").read_text()
    assert svg == (tmp_path / "b.svg").read_text()
    assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314  # we wrote it
    assert "dc:date" not in svg
    assert "<text" in svg, "text is text"
    assert pictures()[name].TITLE and pictures()[name].DESCRIPTION
    assert "matplotlib.pyplot" not in sys.modules, "pyplot looks for a display"


def test_what_was_not_measured_is_not_drawn_and_its_old_picture_goes(
    hollow: Callable[..., Results], tmp_path: Path
) -> None:
    folder = tmp_path / "offline"
    folder.mkdir()
    for name in pictures():
        (folder / name).write_text("old")
    page = write_report(hollow("memory", "accuracy", "latency"), tmp_path / "offline.json").read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == {"forest.svg", "size.svg"}
    assert all(path.read_text() != "old" for path in folder.iterdir())
    assert set(re.findall(r"\(offline/(.*)\)", page)) == {"forest.svg", "size.svg"}


def test_odd_figures_can_be_drawn(results: Results, tmp_path: Path) -> None:
    """One teacher whose samples are all the same, and a name in a script that the font lacks."""
    teacher = results.artifacts[0]
    flat = [m.model_copy(update={"samples_ms": [5.0] * 100, "p50_ms": 5.0, "p90_ms": 5.0}) for m in teacher.latency]
    alone = teacher.model_copy(update={"id": "教师$x$", "latency": flat, "size": None})
    write_report(results.model_copy(update={"artifacts": [alone], "reference": alone.id}), tmp_path / "offline.json")
    assert {path.name for path in (tmp_path / "offline").iterdir()} == PICTURES - {"size.svg"}


def test_the_forest_has_a_row_per_check_with_interval_and_limit(beside: Results) -> None:
    with style():
        figure = forest.draw(beside)
    assert figure
    axes = figure.axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names[:3] == [f"student-int8.onnx, {place}" for place in ("cpu/128", "mobile-1t/32", "mobile-1t/128")]
    assert set(names[3:]) == {f"student-int8.onnx, {name}" for name in ("accuracy", "model memory", "size on disk")}
    lines = [line.get_xdata() for line in axes.get_lines()]
    assert sum(list(x) == pytest.approx([9.5 / 5, 12.6 / 5]) for x in lines if len(x) == 2) == 3
    assert sum(list(x) == [1, 1] for x in lines) == 1, "the limit"
    assert "+11.0 % (+9.5 to +12.6)" in [text.get_text() for text in axes.texts]


def test_a_long_bar_does_not_flatten_the_others(beside: Results) -> None:
    wide = {"change": Interval(estimate=0.4, low=-0.6, high=0.9)}
    verdicts = [v.model_copy(update=wide) if v.metric == "latency" else v for v in beside.verdicts]
    figure = forest.draw(beside.model_copy(update={"verdicts": verdicts}))
    assert figure
    assert figure.axes[0].get_xlim() == pytest.approx((-3.1, 3.1))


def test_without_a_comparison_there_is_no_forest(results: Results) -> None:
    assert forest.draw(results.model_copy(update={"verdicts": []})) is None


def test_memory_is_divided_into_libraries_and_model(results: Results) -> None:
    figure = memory.draw(results)
    assert figure
    widths = [round(bar.get_width(), 1) for bar in figure.axes[0].patches if bar.get_width()]
    found = results.artifact(INT8).memory
    assert found
    assert widths[-2:] == [round(found.peak_mib - found.own_mib, 1), round(found.own_mib, 1)]


def test_parts_of_a_bar_add_up_to_the_file(results: Results) -> None:
    figure = size.draw(results)
    assert figure
    bars: dict[float, float] = {}
    for bar in figure.axes[0].patches:
        bars[bar.get_y()] = bars.get(bar.get_y(), 0.0) + bar.get_width()
    megabytes = [a.size.bytes / 1e6 for a in results.artifacts if a.size]
    assert sorted(w for w in bars.values() if w)[:7] == pytest.approx(sorted(megabytes), rel=1e-3)
    assert figure.axes[0].get_xlabel() == "MB on disk"


def test_small_files_have_an_axis_in_kilobytes(results: Results) -> None:
    tiny = results.artifacts[0].model_copy(update={"size": Size(bytes=90_000, deflated_bytes=1, parts={"FFN": 90_000})})
    figure = size.draw(results.model_copy(update={"artifacts": [tiny]}))
    assert figure
    assert figure.axes[0].get_xlabel() == "kB on disk"
    assert figure.axes[0].patches[0].get_width() + figure.axes[0].patches[2].get_width() == pytest.approx(90)


def test_the_guards_path_passes_by_what_was_rejected(weakened: Results) -> None:
    figure = guard.draw(weakened)
    assert figure
    lines = figure.axes[0].get_lines()
    path = lines[0]
    assert len(path.get_xdata()) == len(weakened.steps)
    assert 80.0 not in path.get_ydata().round(1)
    crosses = [line.get_ydata()[0] for line in lines if line.get_marker() == "x" and len(line.get_ydata())]
    assert crosses == [80.0, 82.0]
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["0.5", "0.25", "0.37"]
    threshold = next(line for line in lines if line.get_linestyle() == "--")
    assert threshold.get_ydata()[0] == pytest.approx(85.5)


def test_a_build_in_which_nothing_was_rejected_has_no_picture(results: Results, rolled_back: Results) -> None:
    assert guard.draw(results) is None
    assert guard.draw(rolled_back)


def test_the_headline_names_its_gain_and_stages_are_left_out(results: Results) -> None:
    figure = accuracy_latency.draw(results)
    assert figure
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "student-int8.onnx\n13.9 MB\n9.61× faster, −0.6 pp" in texts
    assert not any("distill" in text for text in texts)
    low, high = figure.axes[0].get_ylim()
    assert high - low > 5, "noise must not look like structure"


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import pocketbert.bench.report.page, pocketbert.bench.report.comparison, sys; "
        "print([m for m in ('torch', 'transformers', 'matplotlib', 'onnxruntime') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_drawing_leaves_matplotlib_as_it_was(hollow: Callable[..., Results], tmp_path: Path) -> None:
    import matplotlib

    before = matplotlib.rcParams.copy()  # dict() would look for a display
    write_report(hollow("memory", "accuracy", "latency"), tmp_path / "offline.json")
    assert matplotlib.rcParams.copy() == before
