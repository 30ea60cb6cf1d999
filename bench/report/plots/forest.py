"""Forest plot: the change of every measured figure against the baseline, as a multiple of its limit."""

from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.checks import Check, checks
from pocketbert.bench.report.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Every change against the baseline"
DESCRIPTION = (
    "Forest plot: one row per check. The mark is the change as a multiple of its limit, the bar its 95 % confidence "
    "interval. The solid line is no change, the dashed line is the limit; a bar to its right is a regression."
)
_ROW = 0.27  # inches
_MARKS = {"ok": "o", "improved": "<", "inconclusive": "s", "regressed": ">"}
_WIDEST = 3.0  # limits; longer bars are cut, so that one noisy row does not flatten the others


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no figure was compared."""
    shown = [check for check in checks(results) if check.limits and not check.copy and check.verdict.outcome in _MARKS]
    if not shown:
        return None
    figure = style.new_figure(1.05 + _ROW * len(shown))
    axes = figure.subplots()
    ends = [_within(end) for check in shown if check.limits for end in (check.limits.low, check.limits.high)]
    axes.set_xlim(min(*ends, -1) - 0.1, max(*ends, 1) + 0.1)
    for row, check in enumerate(shown):
        _row(axes, row, check)
    axes.axvline(0, color=style.INK, linewidth=1, zorder=1)
    axes.axvline(1, color=style.MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
    style.name_rows(axes, [_name(check) for check in shown], len(shown) - 0.4, -0.6)
    axes.set_title(TITLE)
    axes.set_xlabel("change as a multiple of its limit, with its 95 % CI; worse to the right")
    for outcome in dict.fromkeys(check.verdict.outcome for check in shown):
        axes.plot([], [], _MARKS[outcome], color=style.OUTCOMES[outcome], markersize=6, label=outcome)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=4, borderaxespad=0.2, fontsize=9.5, handletextpad=0.2)
    return figure


def _row(axes: "Axes", row: int, check: Check) -> None:
    colour = style.OUTCOMES[check.verdict.outcome]
    if check.limits is None:
        return
    axes.plot([_within(check.limits.low), _within(check.limits.high)], [row, row], color=colour, linewidth=2, zorder=3)
    mark = _MARKS[check.verdict.outcome]
    axes.plot(_within(check.limits.estimate), row, mark, color=colour, markersize=7, zorder=4)
    words = style.INK if check.verdict.outcome == "ok" else colour
    style.label_right(axes, check.said, row, words, x=1.01, shift=(0, 0))


def _within(limits: float) -> float:
    return min(max(limits, -_WIDEST), _WIDEST)


def _name(check: Check) -> str:
    return f"{check.verdict.artifact}, {check.verdict.profile or check.name}"
