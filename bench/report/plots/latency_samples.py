"""How single requests spread: every sample of every artifact, one panel for each profile."""

from typing import TYPE_CHECKING

import numpy as np

from pocketbert.bench.records.results import Latency, Results, Weighed
from pocketbert.bench.report.format.choose import latency, names, ordered, per_profile, spoken
from pocketbert.bench.report.format.numbers import milliseconds
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, density, latin, log_milliseconds, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.27  # inches


def draw(results: Results) -> "Figure | None":
    """The picture, or None when nothing was timed."""
    panels = [
        (where, timings)
        for where in per_profile(results)
        if (timings := [(a, m) for a in ordered(results) if (m := latency(a, where)) and m.samples_ms])
    ]
    if not panels:
        return None
    rows = [len(timings) for _, timings in panels]
    figure = new_figure(0.75 + sum(0.45 + ROW * n for n in rows))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in rows])
    every = [s for _, timings in panels for _, m in timings for s in m.samples_ms if s > 0]
    for axes, (where, timings) in zip(grid[:, 0], panels, strict=True):
        _panel(axes, spoken(names(results, where[0]), where[1]), timings)
    log_milliseconds(grid[-1, 0], min(every) / 1.06, max(every) * 1.06)
    grid[-1, 0].set_xlabel("ms for one request; black: P50, grey: P90, both in figures at the right")
    return figure


def _panel(axes: "Axes", title: str, timings: list[tuple[Weighed, Latency]]) -> None:
    for row, (artifact, timing) in enumerate(timings):
        samples = np.array([s for s in timing.samples_ms if s > 0])
        colour = COLOURS[artifact.role]
        at, height = density(np.log(samples))
        axes.fill_between(np.exp(at), row - 0.42 * height, row + 0.42 * height, color=colour, alpha=0.6, linewidth=0)
        axes.plot([samples.min(), samples.max()], [row, row], color=colour, linewidth=1)
        axes.plot([timing.p50_ms] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=1.6)
        axes.plot([timing.p90_ms] * 2, [row - 0.4, row + 0.4], color=MUTED, linewidth=1.2)
        axes.annotate(
            f"{milliseconds(timing.p50_ms)} / {milliseconds(timing.p90_ms)}",
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(timings)), [latin(a.id) for a, _ in timings], fontsize=9.5)
    axes.set_ylim(len(timings) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(latin(title), fontsize=10.5)
