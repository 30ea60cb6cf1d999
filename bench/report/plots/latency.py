"""Distribution of single-request latencies: every sample of every artifact, one panel per profile."""

from typing import TYPE_CHECKING

import numpy as np

from pocketbert.bench.records.results import Latency, Measured, Results
from pocketbert.bench.report.format.choose import by_role, in_words, measured_places, one_per_profile, timing
from pocketbert.bench.report.format.numbers import p50_p90
from pocketbert.bench.report.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Distribution of single-request latencies in each profile"
DESCRIPTION = (
    "One violin per model and profile, over a logarithmic axis of milliseconds. The black line is the P50 (median), "
    "the grey line the P90; both are written at the right."
)
ROW = 0.27  # inches


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if nothing was timed."""
    panels = [
        (place, timings)
        for place in one_per_profile(results, measured_places(results))
        if (timings := [(a, m) for a in by_role(results) if (m := timing(a, place)) and m.samples_ms])
    ]
    if not panels:
        return None
    every = [s for _, timings in panels for _, m in timings for s in m.samples_ms if s > 0]
    figure, grid = style.millisecond_panels([len(timings) for _, timings in panels], ROW, 0.45, 0.6, every)
    for axes, (place, timings) in zip(grid, panels, strict=True):
        axes.set_title(style.label(in_words(place, results)), fontsize=10.5)
        _panel(axes, timings)
    grid[-1].set_xlabel("ms for one request; at the right: P50 / P90")
    for colour, name in ((style.INK, "P50 (median)"), (style.MUTED, "P90")):
        grid[0].plot([], [], color=colour, linewidth=1.6, label=name)
    grid[0].legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, borderaxespad=0.2, fontsize=9.5)
    return figure


def _panel(axes: "Axes", timings: list[tuple[Measured, Latency]]) -> None:
    for row, (artifact, found) in enumerate(timings):
        samples = np.array([s for s in found.samples_ms if s > 0])
        colour = style.COLOURS[artifact.role]
        at, height = style.density(np.log(samples))
        axes.fill_between(np.exp(at), row - 0.42 * height, row + 0.42 * height, color=colour, alpha=0.6, linewidth=0)
        axes.plot([samples.min(), samples.max()], [row, row], color=colour, linewidth=1)
        axes.plot([found.p50_ms] * 2, [row - 0.4, row + 0.4], color=style.INK, linewidth=1.6)
        axes.plot([found.p90_ms] * 2, [row - 0.4, row + 0.4], color=style.MUTED, linewidth=1.2)
        style.label_right(axes, p50_p90(found), row, x=1.01, shift=(0, 0))
    style.name_rows(axes, [a.id for a, _ in timings], len(timings) - 0.4, -0.6)
