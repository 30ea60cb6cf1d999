"""Accuracy against latency of teacher and exported files: a bubble each, its area proportional to the bytes on disk."""

from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Measured, Place, Results
from pocketbert.bench.report.format.choose import (
    by_role,
    headline_artifact,
    headline_place,
    in_words,
    reference,
    timing,
)
from pocketbert.bench.report.format.numbers import file_size, pp, times
from pocketbert.bench.report.plots.labels import Bubble, place_labels
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, NAMES, label, label_right, log_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Accuracy against latency; the area of a bubble is the size on disk"
DESCRIPTION = (
    "Bubbles of the teacher and the exported files. To the left is faster, further up is more accurate; the bar is the "
    "95 % confidence interval of the change in accuracy, the dashed line the limit."
)
LARGEST = 1700.0  # square points of the largest bubble
UNKNOWN = 60.0  # square points of a bubble of unknown size
_SPAN = 5.0  # percentage points that the axis shows at least: smaller differences are mostly noise


def draw(results: Results) -> "Figure | None":
    """Draw the picture, or return None if no artifact has both an accuracy and a timing at the headline's place."""
    place = headline_place(results)
    shown = _bubbles(results, place)
    if place is None or not shown:
        return None
    bubbles = [bubble for _, bubble in shown]
    figure = new_figure(4.2)
    axes = figure.subplots()
    teacher = reference(results)
    log_axis(axes, "x", min(b.x for b in bubbles) / 1.6, max(b.x for b in bubbles) * 2.2, 4)
    edges = [v for b in bubbles for v in (b.low, b.high)]
    if teacher and teacher.accuracy:
        floor = 100 * (teacher.accuracy.value - results.max_drop)
        if min(edges) - floor < _SPAN:  # else showing it would flatten everything else
            edges.append(floor)
            axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
            label_right(axes, f"limit\n{pp(-results.max_drop)}", floor, MUTED)
    middle = (max(edges) + min(edges)) / 2
    half = 0.6 * max(max(edges) - min(edges), _SPAN)
    axes.set_ylim(middle - half, middle + half)
    for b in sorted(bubbles, key=lambda b: -b.area):
        if b.high > b.low:
            axes.errorbar(b.x, b.y, [[b.y - b.low], [b.high - b.y]], color=b.colour, linewidth=1.2, capsize=3, zorder=2)
        axes.scatter(b.x, b.y, s=b.area, color=b.colour, alpha=0.55, linewidth=0, zorder=3)
        axes.scatter(b.x, b.y, s=b.area, facecolor="none", edgecolor=b.colour, linewidth=1.4, zorder=4)
    for role in dict.fromkeys(a.role for a, _ in shown):
        axes.scatter([], [], s=60, color=COLOURS[role], alpha=0.75, label=NAMES[role])
    metric = next(a.accuracy.metric for a, _ in shown if a.accuracy)
    axes.set_title(label(f"{metric} against latency: up and left is better"))
    axes.set_xlabel(f"{label(f'P50 of single requests in ms ({in_words(place)})')}; area: bytes on disk; bar: 95 % CI")
    axes.set_ylabel(label(f"{metric} on the test split, %"))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), borderaxespad=0.2, ncols=3, fontsize=9.5, handletextpad=0.2)
    place_labels(axes, bubbles)
    return figure


def _bubbles(results: Results, place: Place | None) -> list[tuple[Measured, Bubble]]:
    """Return the teacher and the exported artifacts with their bubbles."""
    largest = max((a.size.bytes for a in results.artifacts if a.size), default=0)
    teacher, headline = reference(results), headline_artifact(results)
    bubbles = []
    for a in by_role(results):
        if a.role == "stage" or a.accuracy is None or (found := timing(a, place)) is None:
            continue
        area = LARGEST * a.size.bytes / largest if a.size and largest else UNKNOWN
        low = high = a.accuracy.value
        words = [a.id, file_size(a.size.bytes) if a.size else ""]
        if a.accuracy.drop and teacher and teacher.accuracy:
            low, high = teacher.accuracy.value - a.accuracy.drop.high, teacher.accuracy.value - a.accuracy.drop.low
            if headline and a.id == headline.id and found.ratio.estimate < 1:
                words.append(f"{times(1 / found.ratio.estimate)} faster, {pp(-a.accuracy.drop.estimate)}")
        low, high = min(low, a.accuracy.value), max(high, a.accuracy.value)
        said = "\n".join(filter(None, words))
        bubble = Bubble(found.p50_ms, 100 * a.accuracy.value, 100 * low, 100 * high, area, said, COLOURS[a.role])
        bubbles.append((a, bubble))
    return bubbles
