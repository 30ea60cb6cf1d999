"""The baseline behind the candidate: how the requests spread that the two were asked in turn, a panel per profile."""

from typing import TYPE_CHECKING

import numpy as np

from pocketbert.bench.records.results import Paired, Results
from pocketbert.bench.report.format.choose import headline, names, spoken
from pocketbert.bench.report.format.numbers import change, milliseconds
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, density, latin, log_milliseconds, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.5  # inches


def draw(results: Results) -> "Figure | None":
    """The picture, or None when nothing was timed beside the baseline's own file."""
    panels = _panels(results)
    if not panels:
        return None
    rows = [len(pairs) for pairs in panels.values()]
    figure = new_figure(0.75 + sum(0.4 + ROW * n for n in rows))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[n + 0.5 for n in rows])
    every = [ms for pairs in panels.values() for p in pairs for ms in (*p.baseline_ms, *p.candidate_ms) if ms > 0]
    for axes, (title, pairs) in zip(grid[:, 0], panels.items(), strict=True):
        _panel(axes, title, pairs)
    log_milliseconds(grid[-1, 0], min(every) / 1.06, max(every) * 1.06)
    grid[-1, 0].set_xlabel("ms for one request; lines: P50; at the right the change of P50")
    handles = [grid[0, 0].fill_between([], [], color=colour, alpha=0.6, label=side) for colour, side in _SIDES]
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.3}
    grid[0, 0].legend(handles=handles, ncols=2, fontsize=9.5, **place)
    return figure


_SIDES = ((MUTED, "the baseline's file"), (COLOURS["ship"], "this run's"))


def _panels(results: Results) -> dict[str, list[Paired]]:
    """Title -> what is shown there: of each profile the headline's length, else the first that was timed."""
    copies = {p.name for p in results.profiles if p.same_as}
    timed = [p for p in results.paired if p.baseline_ms and p.candidate_ms and p.profile not in copies]
    first = headline(results)
    panels = {}
    for profile in dict.fromkeys(p.profile for p in timed):
        lengths = [p.length for p in timed if p.profile == profile]
        length = first[1] if first and first[1] in lengths else lengths[0]
        title = spoken(names(results, profile), length)
        panels[title] = [p for p in timed if (p.profile, p.length) == (profile, length)]
    return panels


def _panel(axes: "Axes", title: str, pairs: list[Paired]) -> None:
    for row, pair in enumerate(pairs):
        for samples_ms, (colour, _) in zip((pair.baseline_ms, pair.candidate_ms), _SIDES, strict=True):
            samples = np.array([ms for ms in samples_ms if ms > 0])
            at, height = density(np.log(samples))
            axes.fill_between(np.exp(at), row, row - 0.8 * height, color=colour, alpha=0.45, linewidth=0)
            axes.plot(np.exp(at), row - 0.8 * height, color=colour, linewidth=1.3)
            axes.plot([np.median(samples)] * 2, [row, row - 0.88], color=colour, linewidth=1.6)
        p50 = [milliseconds(float(np.median(ms))) for ms in (pair.baseline_ms, pair.candidate_ms)]
        axes.annotate(
            f"{p50[0]} → {p50[1]} ms\n{change(pair.change)}",
            (1.01, row - 0.4),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
            color=COLOURS["ship"] if pair.outcome == "regressed" else INK,
            annotation_clip=False,
        )
    axes.set_yticks([row - 0.3 for row in range(len(pairs))], [latin(p.artifact) for p in pairs], fontsize=9.5)
    axes.set_ylim(len(pairs) - 0.92, -0.98)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(latin(title), fontsize=10.5)
