from itertools import combinations

import pytest

from pocketbert.bench.report.plots.labels import Box, Bubble, _overlap, place_labels
from pocketbert.bench.report.plots.style import new_figure


@pytest.mark.parametrize(
    ("other", "area"), [((1, 1, 3, 3), 1.0), ((0, 0, 2, 2), 4.0), ((2, 0, 4, 2), 0.0), ((3, 3, 4, 4), 0.0)]
)
def test_boxes_overlap_by_an_area(other: Box, area: float) -> None:
    assert _overlap((0, 0, 2, 2), other) == area


def test_labels_of_close_bubbles_are_apart_and_inside_the_frame() -> None:
    axes = new_figure(4).subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    bubbles = [Bubble(5 + 0.1 * number, 5, 4.8, 5.2, 300, f"model-{number}\n12 MB", "black") for number in range(4)]
    place_labels(axes, bubbles)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == [bubble.label for bubble in bubbles]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert axes.lines, "a label that is far from its bubble has a leader"
