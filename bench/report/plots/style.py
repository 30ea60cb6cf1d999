"""How every picture looks, and how it is saved: the same bytes from the same numbers.

Pages are light or dark and a picture does not know which: each one brings its own near-white panel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 8.4  # inches; browsers show 96 pixels to the inch, so about 800 pixels
INK, MUTED, GRID, PANEL = "#1f2328", "#59636e", "#dfe3e8", "#fbfbfa"
COLOURS: dict[Literal["reference", "stage", "ship"], str] = {
    "reference": "#6639ba",
    "stage": "#66707b",
    "ship": "#c8480a",
}
NAMES: dict[Literal["reference", "stage", "ship"], str] = {
    "reference": "teacher",
    "stage": "after a stage",
    "ship": "ships",
}
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
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine sets the same type
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
    """Matplotlib's defaults plus ours, whatever the user's matplotlibrc says; undone afterwards."""
    import matplotlib.style

    with matplotlib.style.context(["default", _RC]):
        yield


def new_figure(height: float) -> "Figure":
    """An empty figure of the common width (height in inches) that can measure its own text; no pyplot, no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    return figure


def save(figure: "Figure", path: Path) -> None:
    """Write the figure under a temporary name and rename it; neither date nor version stands in it."""
    _settle(figure)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None, "Creator": None})


def _settle(figure: "Figure") -> None:
    """Keep the layout, rounded: its solver's last digits differ from run to run, and stand in names in the file."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(value, 6) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def latin(text: str) -> str:
    """The text with whatever the font may lack replaced; an artifact's name may be in any script."""
    return text.encode("latin-1", "replace").decode("latin-1")


def log_milliseconds(axes: "Axes", low: float, high: float) -> None:
    """A logarithmic x axis from `low` to `high`, ticked in plain milliseconds."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    _tick_plainly(axes.xaxis, low, high, 4)


def log_height(axes: "Axes", low: float, high: float) -> None:
    """A logarithmic y axis from `low` to `high`, ticked in plain numbers: equal heights are equal shares."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    _tick_plainly(axes.yaxis, low, high, 2)


def _tick_plainly(axis: "Axis", low: float, high: float, least: int) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)):
        ticks = [t for power in range(-4, 7) for s in steps if low <= (t := s * 10.0**power) <= high]
        if len(ticks) >= least:
            break
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])


GRID_POINTS = 80


def density(logs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A Gaussian kernel density of log latencies (Silverman's width), its tallest point scaled to 1: (at, height)."""
    spread = float(min(np.std(logs), np.subtract(*np.percentile(logs, [75, 25])) / 1.34) or np.std(logs))
    width = max(0.9 * spread * len(logs) ** -0.2, 0.002)  # 0.2 %: equal samples still show
    at = np.linspace(logs.min(), logs.max(), GRID_POINTS)
    height = np.exp(-0.5 * ((at[:, None] - logs) / width) ** 2).sum(axis=1)
    return at, height / height.max()
