"""The common style of all pictures, and their reproducible output: equal numbers give equal bytes.

Text stays text, so it can be searched, read aloud, and shown in any script. A picture follows the light or dark scheme
of the page by a style sheet of its own.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape

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
ON_COLOUR = "#1a1a1a"  # text on a light colour, the same on light and dark pages
COLOURS = {"reference": "#6639ba", "stage": "#66707b", "ship": "#c8480a"}
NAMES = {"reference": "teacher", "stage": "after a stage", "ship": "exported"}
OUTCOMES = {
    "ok": "#1a7f37",
    "improved": "#0550ae",
    "inconclusive": "#9a6700",
    "regressed": "#cf222e",
}
"""Outcome -> colour; the shapes of marks differ, too."""
_DARK = {
    INK: "#e6edf3",
    MUTED: "#9198a1",
    GRID: "#30363d",
    PANEL: "#0d1117",
    "#6639ba": "#b392f0",
    "#66707b": "#9aa4ae",
    "#c8480a": "#f0883e",
    "#1a7f37": "#3fb950",
    "#0550ae": "#58a6ff",
    "#9a6700": "#d29922",
    "#cf222e": "#f85149",
    "#b3261e": "#ff7b72",
}
"""Colour on a light page -> colour on a dark page; others are readable on both."""
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
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: texts are measured with it
    "font.size": 10.5,
    "grid.color": GRID,
    "legend.frameon": False,
    "savefig.facecolor": PANEL,
    "svg.fonttype": "none",
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

    with matplotlib.style.context(["default", _RC]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # the browser's fonts have it
        yield


def new_figure(height: float) -> "Figure":
    """Return an empty figure (height in inches) that can measure its own text; needs neither pyplot nor a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    return figure


def save(figure: "Figure", path: Path, title: str, description: str) -> None:
    """Write the figure as SVG, atomically, without date and version.

    Args:
        title, description: what a screen reader says.
    """
    _round_layout(figure)
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    with atomic_write(path) as temporary:
        temporary.write_text(_dressed(drawn.getvalue(), title, description), encoding="utf-8")


def _dressed(svg: str, title: str, description: str) -> str:
    """Add title, description and the colours of dark pages."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
        if f"{kind}: {light}" in svg
    )
    # Black is SVG's default and is not written.
    text = f'text:not([style*="fill: #"]){{fill:{_DARK[INK]}}}'
    head = (
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n'
        f"<style>@media (prefers-color-scheme: dark){{{rules}{text}}}</style>\n"
    )
    svg = svg.replace("font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', sans-serif")
    return re.sub(
        r"(<svg [^>]*)>\n", lambda tag: f'{tag[1]} role="img" aria-labelledby="title desc">\n {head}', svg, count=1
    )


def _round_layout(figure: "Figure") -> None:
    """Fix the layout, rounded: the solver's last digits vary from run to run and would end up in ids in the file."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(value, 6) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def label(text: str) -> str:
    """Return a name as a label: printable, and its long lines shortened."""
    lines = map(printable, text.split("\n")[:_LINES])
    return "\n".join(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in lines)


def wide(text: str) -> int:
    """Return the number of full-width characters, which are drawn 0.4 em wider than matplotlib measures them."""
    return sum(unicodedata.east_asian_width(character) in "WF" for character in text)


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
    words: str,
    at: tuple[float, float],
    shift: tuple[float, float],
    colour: str,
    *,
    size: float = 9.5,
    **looks: Any,
) -> "Annotation":
    """Write words `shift` points away from `at`; `looks` are matplotlib's."""
    return axes.annotate(words, at, shift, textcoords="offset points", fontsize=size, color=colour, **looks)


def label_right(
    axes: "Axes",
    words: str,
    y: float,
    colour: str = INK,
    *,
    x: float = 1.0,
    shift: tuple[float, float] = (5, 0),
    va: str = "center",
    size: float = 9.5,
) -> None:
    """Write words at the right, outside the frame: `x` is a share of its width, `y` a value, `shift` in points."""
    outside = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    annotate(axes, words, (x, y), shift, colour, size=size, va=va, **outside)


def name_rows(axes: "Axes", names: Sequence[str], bottom: float, top: float, *, at: float = 0.0) -> None:
    """Name the rows of a chart, first on top, each at its number plus `at`; the y axis ends at `bottom` and `top`."""
    shown = [label(name) for name in names]
    axes.set_yticks([row + at for row in range(len(names))], shown, fontsize=9.5)
    engine: Any = axes.figure.figure.get_layout_engine()
    if (more := max(map(wide, shown), default=0) * 0.4 * 9.5 / 72 / WIDTH) and engine:
        engine.set(rect=(more, 0, 1 - more, 1))
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
