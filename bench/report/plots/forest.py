"""Forest plot of latency: the change of every file in every profile at every length, with interval and limit."""

from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.checks import Check, checks
from pocketbert.bench.report.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Change of latency against the baseline"
DESCRIPTION = (
    "Forest plot: one row per file, profile and length. The mark is the change in percent, the bar its 95 % confidence "
    "interval. The solid line is no change, the dashed line is the limit; a bar to its right is a regression."
)
_ROW = 0.27  # inches
_MARKS = {"ok": "o", "improved": "<", "inconclusive": "s", "regressed": ">"}
_WIDEST = 25.0  # percent; longer bars are cut, so that one noisy row does not flatten the others


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no latency was compared."""
    shown = [c for c in checks(results) if c.verdict.metric == "latency" and c.change and not c.copy]
    shown = [check for check in shown if check.verdict.outcome in _MARKS]
    if not shown:
        return None
    figure = style.new_figure(1.05 + _ROW * len(shown))
    axes = figure.subplots()
    ends = [100 * end for c in shown if c.change for end in (c.change.low, c.change.high, c.limit)]
    low, high = max(min(ends), -_WIDEST), min(max(ends), _WIDEST)
    room = 0.05 * (high - low)
    axes.set_xlim(min(low, 0) - room, max(high, 0) + room)
    for row, check in enumerate(shown):
        _row(axes, row, check)
    axes.axvline(0, color=style.INK, linewidth=1, zorder=1)
    style.name_rows(axes, [_name(check) for check in shown], len(shown) - 0.4, -0.6)
    axes.set_title("Change of latency against the baseline")
    axes.set_xlabel("change in %, with its 95 % CI; dashed: limit; slower to the right")
    for outcome in dict.fromkeys(check.verdict.outcome for check in shown):
        axes.plot([], [], _MARKS[outcome], color=style.OUTCOMES[outcome], markersize=6, label=outcome)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=4, borderaxespad=0.2, fontsize=9.5, handletextpad=0.2)
    return figure


def _row(axes: "Axes", row: int, check: Check) -> None:
    colour = style.OUTCOMES[check.verdict.outcome]
    if check.change is None:
        return
    axes.plot([100 * check.change.low, 100 * check.change.high], [row, row], color=colour, linewidth=2, zorder=3)
    axes.plot(100 * check.change.estimate, row, _MARKS[check.verdict.outcome], color=colour, markersize=7, zorder=4)
    limit = 100 * check.limit
    axes.plot([limit, limit], [row - 0.5, row + 0.5], color=style.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
    style.label_right(
        axes, check.said, row, colour if check.verdict.outcome != "ok" else style.INK, x=1.01, shift=(0, 0)
    )


def _name(check: Check) -> str:
    return f"{check.verdict.artifact}, {check.verdict.profile}"
