"""The metric after every step of the build, the allowed drop, and the rejected attempts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.choose import without_ordinal
from pocketbert.bench.report.format.numbers import percent, pp
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, annotate, label, label_right, new_figure
from pocketbert.compress.manifest import Comparison, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Validation metric after each build step"
DESCRIPTION = (
    "The metric of the model after each step of the build, with the 95 % confidence interval of its change against the "
    "teacher. The dashed line is the limit. Crosses are attempts that the guard rejected."
)
Fate = Literal["taken", "accepted", "rejected"]
LOOKS: dict[Fate, tuple[str, str, str]] = {
    "taken": ("o", COLOURS["ship"], "kept"),
    "accepted": ("o", COLOURS["stage"], "accepted, not kept"),
    "rejected": ("x", "#b3261e", "rejected"),
}
"""Fate -> marker, colour, meaning in the legend."""
_SPREAD = 0.32  # share of the distance between two steps over which a step's attempts are spread


@dataclass(frozen=True)
class _Mark:
    x: float
    value: float  # percent
    low: float  # percent
    high: float  # percent
    fate: Fate
    strength: float | None = None


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if every step was kept as it was first tried: its table says all then."""
    compared = [(step, step.comparison) for step in results.steps if step.comparison]
    rejected = any(step.decision == "rolled-back" or step.tries for step, _ in compared)
    if not rejected or all(step.decision == "reference" for step, _ in compared):
        return None
    marks = [mark for x, (step, comparison) in enumerate(compared) for mark in _marks(x, step, comparison)]
    teacher = 100 * compared[0][1].reference
    floor = teacher - 100 * results.max_drop
    figure = new_figure(3.9)
    axes = figure.subplots()
    path = [m for m in marks if m.fate == "taken"]
    axes.plot([m.x for m in path], [m.value for m in path], color=LOOKS["taken"][1], linewidth=1.6, zorder=2)
    for m in marks:
        marker, colour, _ = LOOKS[m.fate]
        axes.plot([m.x, m.x], [m.low, m.high], color=colour, linewidth=1.3, zorder=3)
        face = colour if m.fate == "taken" else axes.get_facecolor()
        axes.plot(m.x, m.value, marker, color=colour, markersize=7, mew=1.8, mfc=face, zorder=4)
        if m.strength is not None:
            box = {"facecolor": axes.get_facecolor(), "linewidth": 0, "pad": 0.6}
            annotate(axes, f"{m.strength:.2g}", (m.x, m.high), (0, 5), colour, size=9, ha="center", bbox=box, zorder=5)
    axes.axhline(teacher, color=COLOURS["reference"], linewidth=1, zorder=1)
    axes.axhline(floor, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    # outside the frame, where no mark can be
    label_right(axes, f"teacher\n{percent(teacher / 100)}", teacher, COLOURS["reference"], va="bottom")
    label_right(axes, f"limit\n{pp(-results.max_drop)}", floor, MUTED, va="top")
    edges = [floor, *(edge for m in marks for edge in (m.low, m.high))]
    margin = 0.12 * max(max(edges) - min(edges), 0.5)
    axes.set_ylim(min(edges) - margin, max(edges) + 1.5 * margin)
    axes.set_xlim(-0.5, len(compared) - 0.5)
    names = [without_ordinal(step.name).replace("-", "-\n", 1) for step, _ in compared]  # two lines
    axes.set_xticks(range(len(compared)), [label(name) for name in names], fontsize=9.5)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(label(f"{compared[0][1].metric} on validation, %"))
    tried = "; number: strength of an attempt" if any(m.strength is not None for m in marks) else ""
    axes.set_xlabel(f"bar: 95 % CI of the change{tried}", fontsize=9.5)
    axes.set_title(label(f"Validation {compared[0][1].metric} after each build step"), pad=24)
    for fate in dict.fromkeys(m.fate for m in marks):
        marker, colour, meaning = LOOKS[fate]
        face = colour if fate == "taken" else axes.get_facecolor()
        axes.plot([], [], marker, color=colour, markersize=7, mew=1.8, mfc=face, label=meaning)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2, fontsize=9.5)
    return figure


def _marks(x: int, step: Step, comparison: Comparison) -> Iterator[_Mark]:
    """Yield the mark of a step, or the marks of its attempts side by side in their order."""
    if not step.tries:
        if step.decision == "reference":  # the teacher cannot differ from itself
            comparison = comparison.model_copy(update={"low": 0.0, "high": 0.0})
        yield _mark(x, comparison, "rejected" if step.decision == "rolled-back" else "taken")
        return
    accepted = [one for one in step.tries if one.accepted and step.decision == "accepted"]
    for number, one in enumerate(step.tries):
        place = x + _SPREAD * (2 * number / (len(step.tries) - 1) - 1 if len(step.tries) > 1 else 0)
        fate: Fate = "taken" if accepted and one is accepted[-1] else "accepted" if one in accepted else "rejected"
        if one.comparison:
            yield _mark(place, one.comparison, fate, one.strength)


def _mark(x: float, c: Comparison, fate: Fate, strength: float | None = None) -> _Mark:
    """Return the metric, with the interval of its drop subtracted from the teacher's metric."""
    low, high = 100 * (c.reference - c.high), 100 * (c.reference - c.low)
    return _Mark(x, 100 * c.value, low, high, fate, strength)
