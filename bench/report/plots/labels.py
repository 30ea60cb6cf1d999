"""Labels of bubbles, each placed in the free space nearest to its bubble."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, dist, pi, sin, sqrt
from typing import TYPE_CHECKING

from pocketbert.bench.report.plots.style import MUTED, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]  # left, bottom, right, top; pixels
GAPS = (4.0, 12.0, 24.0, 40.0, 60.0, 84.0)  # pixels between the bubble's rim and the label
ANGLES = tuple(a * pi / 180 for a in (0, 180, 90, 270, 35, 325, 145, 215, 65, 295, 115, 245))


@dataclass(frozen=True)
class Bubble:
    """A labelled bubble with an upright whisker; `x`, `y`, `low` and `high` are in data coordinates."""

    x: float
    y: float
    low: float
    high: float
    area: float  # square points
    label: str  # lines are separated by a newline
    colour: str


def place_labels(axes: "Axes", bubbles: Sequence[Bubble], strokes: Sequence[Box] = ()) -> None:
    """Write each label near its bubble, over no other label or bubble, and over as few lines as possible.

    Args:
        strokes: horizontal or vertical lines that are drawn already, in data coordinates.
    """
    figure = axes.figure.figure
    figure.canvas.draw()  # lays out the axes; before that, pixel positions are undefined
    frame = axes.get_window_extent()
    to_pixels = axes.transData.transform
    centres = [tuple(to_pixels((b.x, b.y))) for b in bubbles]
    radii = [sqrt(b.area / pi) * figure.dpi / 72 for b in bubbles]
    discs = [_around(x, y, r) for (x, y), r in zip(centres, radii, strict=True)]
    # another bubble's label must not come so close that it could be taken for this bubble's
    margins = [_around(x, y, r + 9) for (x, y), r in zip(centres, radii, strict=True)]
    lines = [
        (x - 1, to_pixels((b.x, b.low))[1], x + 1, to_pixels((b.x, b.high))[1])
        for (x, _), b in zip(centres, bubbles, strict=True)
    ]
    ends = [(*to_pixels(box[:2]), *to_pixels(box[2:])) for box in strokes]
    lines += [(x0 - 1, min(y0, y1) - 1, x1 + 1, max(y0, y1) + 1) for x0, y0, x1, y1 in ends]
    inside: Box = (frame.x0 + 2, frame.y0 + 2, frame.x1 - 2, frame.y1 - 2)
    taken: list[Box] = []
    texts = [axes.text(0, 0, label(b.label), color=b.colour, fontsize=9.5, linespacing=1.15, zorder=6) for b in bubbles]
    # crowded bubbles first: the others still find room afterwards
    order = sorted(range(len(bubbles)), key=lambda i: sum(dist(centres[i], c) for c in centres))
    for i in order:
        extent = texts[i].get_window_extent()
        x, y = centres[i]
        candidates: list[tuple[float, Box]] = []
        for gap in GAPS:
            for rank, angle in enumerate(ANGLES):
                box = _touching(x, y, radii[i] + gap, angle, extent.width, extent.height)
                cost = gap + 0.5 * rank
                cost += 40 * sum(_overlap(box, other) for other in taken)
                cost += 10 * sum(_overlap(box, other) for other in discs)
                cost += sum(_overlap(box, other) for j, other in enumerate(margins) if j != i)
                cost += 2 * sum(_overlap(box, other) for other in lines)
                cost += 40 * (extent.width * extent.height - _overlap(box, inside))
                candidates.append((cost, box))
        box = min(candidates)[1]
        taken.append(box)
        left, bottom = axes.transData.inverted().transform((box[0], box[1]))
        texts[i].set_position((left, bottom))
        texts[i].set_verticalalignment("bottom")
        _leader(axes, centres[i], radii[i], box)


def _leader(axes: "Axes", centre: tuple[float, ...], radius: float, box: Box) -> None:
    """Draw a thin line from the rim to a distant label."""
    x, y = centre
    near_x, near_y = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
    distance = dist((x, y), (near_x, near_y))
    if distance <= radius + 9:
        return
    share = radius / distance
    ends = [(x + (near_x - x) * share, y + (near_y - y) * share), (near_x, near_y)]
    (x0, y0), (x1, y1) = axes.transData.inverted().transform(ends)
    axes.plot([x0, x1], [y0, y1], color=MUTED, linewidth=0.8, zorder=5)


def _around(x: float, y: float, radius: float) -> Box:
    return x - radius, y - radius, x + radius, y + radius


def _touching(x: float, y: float, distance: float, angle: float, width: float, height: float) -> Box:
    """Return the box of that size that touches, at `angle` from outside, the circle around (x, y)."""
    near_x, near_y = x + distance * cos(angle), y + distance * sin(angle)
    left = near_x - width * (1 - cos(angle)) / 2
    bottom = near_y - height * (1 - sin(angle)) / 2
    return left, bottom, left + width, bottom + height


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0
