"""Accuracy against latency: one bubble for each artifact, its area the bytes on disk."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pocketbert.bench.records.results import Results, Weighed
from pocketbert.bench.report.format.choose import headline, latency, ordered, reference, spoken
from pocketbert.bench.report.format.numbers import file_size, points
from pocketbert.bench.report.plots.labels import place_labels
from pocketbert.bench.report.plots.style import COLOURS, INK, MUTED, NAMES, latin, log_milliseconds, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 1700.0  # square points of the largest bubble
UNKNOWN = 60.0  # of one whose size was not measured


@dataclass(frozen=True)
class _Bubble:
    artifact: Weighed
    label: str
    x: float  # P50, milliseconds
    y: float  # metric, percent
    low: float  # of the interval, percent
    high: float
    area: float  # square points


def draw(results: Results) -> "Figure | None":
    """The picture, or None when no artifact has both an accuracy and a timing at the headline's profile."""
    where = headline(results)
    bubbles = _bubbles(results)
    if where is None or not bubbles:
        return None
    figure = new_figure(4.6)
    axes = figure.subplots()
    teacher = reference(results)
    ceiling = teacher.accuracy if teacher else None
    floor = 100 * (ceiling.value - results.max_drop) if ceiling else None

    # more room at the right: the teacher and the first stages stand there, the largest bubbles, close together
    log_milliseconds(axes, min(b.x for b in bubbles) / 1.4, max(b.x for b in bubbles) * 2.5)
    edges = [v for b in bubbles for v in (b.low, b.high)]
    if floor is not None:
        if min(edges) - floor > 2 * max(max(edges) - min(edges), 1.0):
            floor = None  # so generous that showing it would flatten everything else
        else:
            edges.append(floor)
    margin = 0.14 * max(max(edges) - min(edges), 1.0)
    axes.set_ylim(min(edges) - margin, max(edges) + margin)

    if floor is not None:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
        # outside the frame, where no bubble can be
        axes.annotate(
            f"allowed\ndrop: {points(results.max_drop)}",
            (1, floor),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=MUTED,
            annotation_clip=False,
        )
    front = _front(bubbles)
    if len(front) > 1:
        # from each one on, nothing faster is as good
        axes.step([b.x for b in front], [b.y for b in front], where="post", color=MUTED, linewidth=1.1, zorder=1.8)
    for b in sorted(bubbles, key=lambda b: -b.area):
        colour = COLOURS[b.artifact.role]
        if b.high > b.low:
            axes.plot([b.x, b.x], [b.low, b.high], color=colour, linewidth=1.2, zorder=2)
        axes.scatter(b.x, b.y, s=b.area, color=colour, alpha=0.55, linewidth=0, zorder=3)
        axes.scatter(b.x, b.y, s=b.area, facecolor="none", edgecolor=colour, linewidth=1.4, zorder=4)
    for role in dict.fromkeys(b.artifact.role for b in bubbles):
        axes.scatter([], [], s=60, color=COLOURS[role], alpha=0.75, label=NAMES[role])

    metric = next(b.artifact.accuracy.metric for b in bubbles if b.artifact.accuracy)
    axes.set_title(latin(f"{metric} against latency"), pad=26)
    axes.set_xlabel(latin(f"P50 of single requests in ms ({spoken(*where)})"))
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
    place_labels(
        axes,
        [(b.x, b.y) for b in bubbles],
        [b.area for b in bubbles],
        [(b.low, b.high) for b in bubbles],
        [latin(b.label) for b in bubbles],
        [COLOURS[b.artifact.role] for b in bubbles],
        [box for a, b in pairwise(front) for box in ((a.x, a.y, b.x, a.y), (b.x, a.y, b.x, b.y))],
    )
    return figure


def _bubbles(results: Results) -> list[_Bubble]:
    where = headline(results)
    largest = max((a.size.bytes for a in results.artifacts if a.size), default=0)
    teacher = reference(results)
    bubbles: dict[tuple[float, float, float], _Bubble] = {}
    for artifact in ordered(results):
        timing = latency(artifact, where)
        score = artifact.accuracy
        if timing is None or score is None:
            continue
        low = high = score.value
        if score.drop and teacher and teacher.accuracy:
            low, high = teacher.accuracy.value - score.drop.high, teacher.accuracy.value - score.drop.low
        area = LARGEST * artifact.size.bytes / largest if artifact.size and largest else UNKNOWN
        # one file under two names (a stage's checkpoint that ships as it is) was weighed once: one bubble, both names
        place = (timing.p50_ms, score.value, area)
        label = f"{bubbles[place].label} =\n{artifact.id}" if place in bubbles else artifact.id
        bubbles[place] = _Bubble(artifact, label, timing.p50_ms, 100 * score.value, 100 * low, 100 * high, area)
    return [replace(b, label=_with_size(b)) for b in bubbles.values()]


def _front(bubbles: list[_Bubble]) -> list[_Bubble]:
    """Those that no other one beats in both speed and metric, fastest first."""
    front: list[_Bubble] = []
    for bubble in sorted(bubbles, key=lambda b: (b.x, -b.y)):
        if not front or bubble.y > front[-1].y:
            front.append(bubble)
    return front


def _with_size(bubble: _Bubble) -> str:
    size = bubble.artifact.size
    return f"{bubble.label}\n{file_size(size.bytes)}" if size else bubble.label
