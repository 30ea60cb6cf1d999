"""Accuracy against latency: a bubble per artifact, its area proportional to the bytes on disk."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Measured, Place, Results
from pocketbert.bench.report.format.choose import by_role, headline_place, in_words, reference, timing
from pocketbert.bench.report.format.numbers import file_size, points
from pocketbert.bench.report.plots.labels import Bubble, place_labels
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, NAMES, label_right, latin, log_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALT = "Accuracy against latency; the area of a bubble is the size on disk"
LARGEST = 1700.0  # square points of the largest bubble
UNKNOWN = 60.0  # square points of a bubble of unknown size


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no artifact has both an accuracy and a timing at the headline's place."""
    place = headline_place(results)
    shown = _bubbles(results, place)
    if place is None or not shown:
        return None
    bubbles = [bubble for _, bubble in shown]
    figure = new_figure(4.6)
    axes = figure.subplots()
    teacher = reference(results)
    floor = 100 * (teacher.accuracy.value - results.max_drop) if teacher and teacher.accuracy else None

    # more room at the right for the teacher and the first stages: the largest bubbles, close together
    log_axis(axes, "x", min(b.x for b in bubbles) / 1.4, max(b.x for b in bubbles) * 2.5, 4)
    edges = [v for b in bubbles for v in (b.low, b.high)]
    if floor is not None:
        if min(edges) - floor > 2 * max(max(edges) - min(edges), 1.0):
            floor = None  # too far below: showing it would flatten everything else
        else:
            edges.append(floor)
    margin = 0.14 * max(max(edges) - min(edges), 1.0)
    axes.set_ylim(min(edges) - margin, max(edges) + margin)

    if floor is not None:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
        label_right(axes, f"allowed\ndrop: {points(results.max_drop)}", floor, MUTED)
    front = _front(bubbles)
    if len(front) > 1:
        # between two steps, no faster model is as accurate
        axes.step([b.x for b in front], [b.y for b in front], where="post", color=MUTED, linewidth=1.1, zorder=1.8)
    for b in sorted(bubbles, key=lambda b: -b.area):
        if b.high > b.low:
            axes.plot([b.x, b.x], [b.low, b.high], color=b.colour, linewidth=1.2, zorder=2)
        axes.scatter(b.x, b.y, s=b.area, color=b.colour, alpha=0.55, linewidth=0, zorder=3)
        axes.scatter(b.x, b.y, s=b.area, facecolor="none", edgecolor=b.colour, linewidth=1.4, zorder=4)
    for role in dict.fromkeys(a.role for a, _ in shown):
        axes.scatter([], [], s=60, color=COLOURS[role], alpha=0.75, label=NAMES[role])

    metric = next(a.accuracy.metric for a, _ in shown if a.accuracy)
    axes.set_title(latin(f"{metric} against latency"), pad=26)
    axes.set_xlabel(latin(f"P50 of single requests in ms ({in_words(place)})"))
    axes.set_ylabel(latin(f"{metric} on the test split, %"))
    axes.text(
        0,
        1.03,
        "area: bytes on disk; whisker: interval of the drop from the teacher; grey line: Pareto front",
        transform=axes.transAxes,
        fontsize=9.5,
        color=MUTED,
    )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.08), borderaxespad=0, ncols=3, fontsize=9.5, handletextpad=0.2)
    steps = [box for a, b in pairwise(front) for box in ((a.x, a.y, b.x, a.y), (b.x, a.y, b.x, b.y))]
    place_labels(axes, bubbles, steps)
    return figure


def _bubbles(results: Results, place: Place | None) -> list[tuple[Measured, Bubble]]:
    """Return artifacts with their bubbles; equal ones (a checkpoint that is exported unchanged) share one bubble."""
    largest = max((a.size.bytes for a in results.artifacts if a.size), default=0)
    teacher = reference(results)
    groups: dict[tuple[float, float, float], list[Measured]] = {}
    for a in by_role(results):
        if a.accuracy and (found := timing(a, place)):
            area = LARGEST * a.size.bytes / largest if a.size and largest else UNKNOWN
            groups.setdefault((found.p50_ms, a.accuracy.value, area), []).append(a)
    bubbles = []
    for (p50, value, area), same in groups.items():
        a = same[-1]
        low = high = value
        if a.accuracy and a.accuracy.drop and teacher and teacher.accuracy:
            low, high = teacher.accuracy.value - a.accuracy.drop.high, teacher.accuracy.value - a.accuracy.drop.low
        label = " =\n".join(one.id for one in same) + (f"\n{file_size(a.size.bytes)}" if a.size else "")
        bubbles.append((a, Bubble(p50, 100 * value, 100 * low, 100 * high, area, label, COLOURS[a.role])))
    return bubbles


def _front(bubbles: Sequence[Bubble]) -> list[Bubble]:
    """Return the Pareto front, fastest first: the bubbles that no other one beats in both latency and metric."""
    front: list[Bubble] = []
    for bubble in sorted(bubbles, key=lambda b: (b.x, -b.y)):
        if not front or bubble.y > front[-1].y:
            front.append(bubble)
    return front
