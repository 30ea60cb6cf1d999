"""The guard's path: the metric after every step of the build, what was allowed, and what was thrown away."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.format.numbers import percent, points
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, latin, new_figure
from pocketbert.compress.manifest import Comparison, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Fate = Literal["taken", "accepted", "rejected"]
LOOKS: dict[Fate, tuple[str, str, str]] = {
    "taken": ("o", COLOURS["ship"], "the build goes on from here"),
    "accepted": ("o", COLOURS["stage"], "passed as well"),
    "rejected": ("x", "#b3261e", "rejected"),
}
"""Marker, colour, and what it means."""
_SPREAD = 0.32  # of the distance between two steps: how far a step's tries lie apart


@dataclass(frozen=True)
class _Mark:
    x: float
    value: float  # percent; so are the two
    low: float
    high: float
    fate: Fate
    strength: float | None = None


def draw(results: Results) -> "Figure | None":
    """The picture, or None when no step but the teacher was compared with it."""
    compared = [(step, step.comparison) for step in results.steps if step.comparison]
    if not any(step.decision != "reference" for step, _ in compared):
        return None
    marks = [mark for x, (step, comparison) in enumerate(compared) for mark in _marks(x, step, comparison)]
    teacher = compared[0][1].reference
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
            axes.annotate(
                f"{m.strength:.2g}",
                (m.x, m.high),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=colour,
                bbox={"facecolor": axes.get_facecolor(), "linewidth": 0, "pad": 0.6},
                zorder=5,
            )
    _lines(axes, 100 * teacher, 100 * (teacher - results.max_drop), results.max_drop)
    edges = [edge for m in marks for edge in (m.low, m.high)] + [100 * (teacher - results.max_drop)]
    margin = 0.12 * max(max(edges) - min(edges), 0.5)
    axes.set_ylim(min(edges) - margin, max(edges) + 1.5 * margin)
    axes.set_xlim(-0.5, len(compared) - 0.5)
    axes.set_xticks(range(len(compared)), [latin(_short(step.name)) for step, _ in compared], fontsize=9.5)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(latin(f"{compared[0][1].metric}, validation, %"))
    if any(m.strength is not None for m in marks):
        axes.set_xlabel("whisker: interval of the drop; figures at marks: the strength that was tried", fontsize=9.5)
    for fate in dict.fromkeys(m.fate for m in marks):
        marker, colour, meaning = LOOKS[fate]
        face = colour if fate == "taken" else axes.get_facecolor()
        axes.plot([], [], marker, color=colour, markersize=7, mew=1.8, mfc=face, label=meaning)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2, fontsize=9.5)
    return figure


def _marks(x: int, step: Step, comparison: Comparison) -> Iterator[_Mark]:
    """A step, or every strength at which the guard had it tried, side by side in the order of the tries."""
    if not step.tries:
        if step.decision == "reference":  # it cannot differ from itself
            comparison = comparison.model_copy(update={"low": 0.0, "high": 0.0})
        yield _mark(x, comparison, "rejected" if step.decision == "rolled-back" else "taken")
        return
    accepted = [one for one in step.tries if one.accepted and step.decision == "accepted"]
    for number, one in enumerate(step.tries):
        place = x + _SPREAD * (2 * number / (len(step.tries) - 1) - 1 if len(step.tries) > 1 else 0)
        fate: Fate = "taken" if accepted and one is accepted[-1] else "accepted" if one in accepted else "rejected"
        yield _mark(place, one.comparison, fate, one.strength)


def _mark(x: float, c: Comparison, fate: Fate, strength: float | None = None) -> _Mark:
    """The metric with the interval of its drop, hung on the teacher's metric."""
    low, high = 100 * (c.reference - c.high), 100 * (c.reference - c.low)
    return _Mark(x, 100 * c.value, low, high, fate, strength)


def _lines(axes: "Axes", teacher: float, floor: float, allowed: float) -> None:
    """The teacher's metric and the lowest that is allowed, named outside the frame, where no mark can be."""
    axes.axhline(teacher, color=COLOURS["reference"], linewidth=1, zorder=1)
    axes.axhline(floor, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    for y, words, colour, side in (
        (teacher, f"teacher\n{percent(teacher / 100)}", COLOURS["reference"], "bottom"),
        (floor, f"allowed\ndrop: {points(allowed)}", MUTED, "top"),
    ):
        axes.annotate(
            words,
            (1, y),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va=side,
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )


def _short(name: str) -> str:
    """A step's name in two lines: ``02-prune-heads`` is ``prune-`` over ``heads``."""
    return re.sub(r"^\d+-(?=.)", "", name).replace("-", "-\n", 1)
