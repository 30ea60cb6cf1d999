"""A change with its interval and limit in characters: one line of a forest plot, for pages that show no pictures.

Only characters that monospaced fonts have in one width (WGL4) are used, and no-break spaces, since HTML joins others.
"""

from math import isfinite

from pocketbert.bench.stats.intervals import Interval

_PER_LIMIT = 4
_LIMITS = 2
WIDTH = 2 * _LIMITS * _PER_LIMIT + 1
"""Characters of a line: from −2 to +2 limits."""
_ZERO, _LIMIT = _LIMITS * _PER_LIMIT, (_LIMITS + 1) * _PER_LIMIT
_EMPTY = "\N{NO-BREAK SPACE}"
LEGEND = "│ no change, ║ limit, ─●─ change with its 95 % CI; right of ║ is worse than allowed"


def strip(limits: Interval) -> str:
    """Return the line of a change.

    Args:
        limits: the change in multiples of its limit, positive where it is worse (`Check.limits`).
    """
    cells = [_EMPTY] * WIDTH
    cells[_ZERO], cells[_LIMIT] = "│", "║"
    low, middle, high = (_column(value) for value in (limits.low, limits.estimate, limits.high))
    for column in range(max(low, 0), min(high, WIDTH - 1) + 1):
        cells[column] = {"│": "┼", "║": "╫"}.get(cells[column], "─")
    if 0 <= middle < WIDTH:
        cells[middle] = "●"
    if low < 0:
        cells[0] = "◄"
    if high >= WIDTH:
        cells[-1] = "►"
    return "".join(cells)


def _column(value: float) -> int:
    """Return the column of a multiple of the limit; −1 and `WIDTH` are outside."""
    if not isfinite(value):
        return WIDTH if value > 0 else -1
    return min(max(_ZERO + round(_PER_LIMIT * value), -1), WIDTH)
