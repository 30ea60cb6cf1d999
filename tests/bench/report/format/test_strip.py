"""A change as one line of characters."""

import pytest

from pocketbert.bench.report.format.strip import WIDTH, strip
from pocketbert.bench.stats.intervals import Interval


@pytest.mark.parametrize(
    ("low", "middle", "high", "line"),
    [
        (-0.5, 0.0, 0.5, "      ──●── ║    "),
        (-0.25, 0.25, 1.25, "       ─┼●──╫─   "),
        (1.1, 1.5, 1.9, "        │   ╫─●──"),
        (0.0, 0.0, 0.0, "        ●   ║    "),
        (-9.0, -0.2, 9.0, "◄──────●┼───╫───►"),
        (3.0, 4.0, 5.0, "        │   ║   ►"),
        (float("-inf"), 0.0, float("inf"), "◄───────●───╫───►"),
    ],
)
def test_zero_limit_and_interval_are_in_their_columns(low: float, middle: float, high: float, line: str) -> None:
    drawn = strip(Interval.model_construct(estimate=middle, low=low, high=high))
    assert len(drawn) == WIDTH
    assert " " not in drawn, "HTML would join plain spaces"
    assert drawn.replace("\N{NO-BREAK SPACE}", " ").rstrip() == line.rstrip()
