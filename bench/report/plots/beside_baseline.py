"""Distribution of paired single-request latencies: the baseline's file behind this run's, one panel per profile."""

from typing import TYPE_CHECKING

import numpy as np

from pocketbert.bench.records.results import Paired, Results
from pocketbert.bench.report.format.choose import duplicates, in_words, one_per_profile
from pocketbert.bench.report.format.numbers import change, milliseconds
from pocketbert.bench.report.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALT = "Distribution of single-request latencies, the baseline behind the candidate"
ROW = 0.5  # inches
_SIDES = ((style.MUTED, "the baseline's file"), (style.COLOURS["ship"], "this run's"))


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no pair was timed."""
    copies = duplicates(results)
    timed = [p for p in results.paired if p.baseline_ms and p.candidate_ms and p.profile not in copies]
    places = one_per_profile(results, [p.place for p in timed])
    if not places:
        return None
    panels = [[p for p in timed if p.place == place] for place in places]
    every = [ms for pairs in panels for p in pairs for ms in (*p.baseline_ms, *p.candidate_ms) if ms > 0]
    figure, grid = style.millisecond_panels([len(pairs) for pairs in panels], ROW, 0.4, 0.5, every)
    for axes, place, pairs in zip(grid, places, panels, strict=True):
        axes.set_title(style.latin(in_words(place, results)), fontsize=10.5)
        _panel(axes, pairs)
    grid[-1].set_xlabel("ms for one request; lines: P50; at the right the change of P50")
    handles = [grid[0].fill_between([], [], color=colour, alpha=0.6, label=side) for colour, side in _SIDES]
    grid[0].legend(handles=handles, ncols=2, fontsize=9.5, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.3)
    return figure


def _panel(axes: "Axes", pairs: list[Paired]) -> None:
    for row, pair in enumerate(pairs):
        for samples_ms, (colour, _) in zip((pair.baseline_ms, pair.candidate_ms), _SIDES, strict=True):
            samples = np.array([ms for ms in samples_ms if ms > 0])
            at, height = style.density(np.log(samples))
            axes.fill_between(np.exp(at), row, row - 0.8 * height, color=colour, alpha=0.45, linewidth=0)
            axes.plot(np.exp(at), row - 0.8 * height, color=colour, linewidth=1.3)
            axes.plot([np.median(samples)] * 2, [row, row - 0.88], color=colour, linewidth=1.6)
        before, now = (milliseconds(float(np.median(ms))) for ms in (pair.baseline_ms, pair.candidate_ms))
        colour = style.COLOURS["ship"] if pair.outcome == "regressed" else style.INK
        style.label_right(axes, f"{before} → {now} ms\n{change(pair.change)}", row - 0.4, colour, x=1.01, shift=(0, 0))
    style.name_rows(axes, [p.artifact for p in pairs], len(pairs) - 0.92, -0.98, at=-0.3)
