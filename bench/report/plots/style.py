"""The common style of all pictures, and their reproducible output: equal numbers give equal bytes.

Pages may be light or dark, so every picture has its own near-white panel.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import printable
from pocketbert.compress.base.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

_LONGEST, _LINES = 60, 4  # characters in a line of a label, lines in a label
WIDTH = 8.4  # inches; about 800 pixels, because browsers show 96 per inch
INK, MUTED, GRID, PANEL = "#1f2328", "#59636e", "#dfe3e8", "#fbfbfa"
COLOURS = {"reference": "#6639ba", "stage": "#66707b", "ship": "#c8480a"}
NAMES = {"reference": "teacher", "stage": "after a stage", "ship": "ships"}
_RC = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": PANEL,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "figure.facecolor": PANEL,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so it is the same on every machine
    "font.size": 10.5,
    "grid.color": GRID,
    "legend.frameon": False,
    "savefig.facecolor": PANEL,
    "svg.fonttype": "path",
    "svg.hashsalt": "pocketbert",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


@contextmanager
def style() -> Iterator[None]:
    """Apply matplotlib's defaults plus our style, independent of the user's matplotlibrc; undone afterwards."""
    import matplotlib.style

    with matplotlib.style.context(["default", _RC]):
        yield


def new_figure(height: float) -> "Figure":
    """Return an empty figure (height in inches) that can measure its own text; needs neither pyplot nor a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    return figure


def save(figure: "Figure", path: Path) -> None:
    """Write the figure atomically, without date and version."""
    _round_layout(figure)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None, "Creator": None})


def _round_layout(figure: "Figure") -> None:
    """Fix the layout, rounded: the solver's last digits vary from run to run and would end up in ids in the file."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(value, 6) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def latin(text: str) -> str:
    """Replace the characters that the font may lack, and shorten long lines; names may be in any script."""
    lines = map(printable, text.split("\n")[:_LINES])
    short = "\n".join(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in lines)
    return short.encode("latin-1", "replace").decode("latin-1")


def log_axis(axes: "Axes", name: Literal["x", "y"], low: float, high: float, least: int) -> None:
    """Make an axis logarithmic from `low` to `high`, with at least `least` ticks in plain numbers."""
    from matplotlib.ticker import NullLocator

    axes.set(**{f"{name}scale": "log", f"{name}lim": (low, high)})
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)):
        ticks = [t for power in range(-4, 7) for s in steps if low <= (t := s * 10.0**power) <= high]
        if len(ticks) >= least:
            break
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])


def millisecond_panels(
    rows: Sequence[int], row: float, above: float, gap: float, samples_ms: Sequence[float]
) -> tuple["Figure", list["Axes"]]:
    """Return a figure of panels over one logarithmic axis of milliseconds, wide enough for all samples.

    Args:
        rows: the number of rows per panel.
        row: height of a row, inches.
        above: height of a panel's title, inches.
        gap: a panel's share without rows, in rows.
    """
    figure = new_figure(0.75 + sum(above + row * n for n in rows))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=[n + gap for n in rows])[:, 0]
    log_axis(grid[-1], "x", min(samples_ms) / 1.06, max(samples_ms) * 1.06, 4)
    return figure, list(grid)


def annotate(
    axes: "Axes",
    label: str,
    at: tuple[float, float],
    shift: tuple[float, float],
    colour: str,
    *,
    size: float = 9.5,
    **looks: Any,
) -> "Annotation":
    """Write a label `shift` points away from `at`; `looks` are matplotlib's."""
    return axes.annotate(label, at, shift, textcoords="offset points", fontsize=size, color=colour, **looks)


def label_right(
    axes: "Axes",
    label: str,
    y: float,
    colour: str = INK,
    *,
    x: float = 1.0,
    shift: tuple[float, float] = (5, 0),
    va: str = "center",
    size: float = 9.5,
) -> None:
    """Write a label at the right, outside the frame: `x` is a share of its width, `y` a value, `shift` in points."""
    outside = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    annotate(axes, label, (x, y), shift, colour, size=size, va=va, **outside)


def name_rows(axes: "Axes", names: Sequence[str], bottom: float, top: float, *, at: float = 0.0) -> None:
    """Name the rows of a chart, first on top, each at its number plus `at`; the y axis ends at `bottom` and `top`."""
    axes.set_yticks([row + at for row in range(len(names))], [latin(name) for name in names], fontsize=9.5)
    axes.set_ylim(bottom, top)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def density(logs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the density of log latencies: points and heights, the largest height being 1.

    Uses Gaussian kernels with Silverman's robust width, 0.9 min(standard deviation, IQR / 1.34) n^(-1/5). SciPy's
    "silverman" knows only the standard deviation: a few slow requests would flatten the peak.
    """
    spread = float(min(np.std(logs), np.subtract(*np.percentile(logs, [75, 25])) / 1.34) or np.std(logs))
    width = max(0.9 * spread * len(logs) ** -0.2, 0.002)  # at least 0.2 %, so that equal samples are visible
    at = np.linspace(logs.min(), logs.max(), 80)
    height = np.exp(-0.5 * ((at[:, None] - logs) / width) ** 2).sum(axis=1)
    return at, height / height.max()
