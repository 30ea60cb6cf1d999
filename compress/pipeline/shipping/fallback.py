"""Retries of a rejected INT8 or INT4 file: what rounding hurts most goes back a precision."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from pocketbert.compress.manifest import Try
from pocketbert.compress.pipeline.retry import Attempt, as_try

A = TypeVar("A", bound=Attempt)
Costs = Mapping[str, Mapping[str, float]]
"""Linear layer or embedding -> precision (``int8``, and ``int4`` where it is stored so) -> what rounding costs."""


class Move(NamedTuple):
    """A linear layer or embedding that goes back to a `precision`: "int8" or "float"."""

    layer: str
    precision: str


def moves(costs: Costs, precision: str) -> list[Move]:
    """List the moves from a file of that `precision` to a file in float, the one that helps most first.

    A layer of an INT4 file goes back to INT8 before it goes back to float.
    """
    found = [(cost["int8"], Move(layer, "float")) for layer, cost in costs.items()]
    if precision == "int4":
        found += [(max(cost.values()), Move(layer, "int8")) for layer, cost in costs.items() if "int4" in cost]
    return [move for _, move in sorted(found, key=lambda each: (-each[0], each[1].precision == "float"))]


def kept_after(done: Sequence[Move]) -> dict[str, str]:
    """Return what an exporter is told after these moves: layer -> the precision that it keeps."""
    return {move.layer: move.precision for move in done}


def fall_back(rejected: A, ranked: Sequence[Move], attempt: Callable[[Mapping[str, str]], A]) -> tuple[A, list[Try]]:
    """Return the accepted file with the fewest moves, and all tries.

    The number of moves doubles until the guard accepts, and is then bisected (Bentley & Yao 1976, "An Almost Optimal
    Algorithm for Unbounded Searching"). The result is the same as one by one, after fewer tries. A file after every
    move would be an FP32 file; `rejected` is returned instead. A file whose answers are NaN or infinite is rejected
    like one that answers badly.

    Args:
        rejected: the file with no move.
        ranked: the moves, the one that helps most first.
        attempt: exports the file with these layers in these precisions and decides about it.
    """
    best, tried = rejected, [as_try(rejected.step, strength=None)]
    refused, accepted = 0, len(ranked)
    while accepted - refused > 1:
        passed = best is not rejected
        count = (refused + accepted) // 2 if passed else min(2 * refused or 1, len(ranked) - 1)
        kept = kept_after(ranked[:count])
        found = attempt(kept)
        if found.step.comparison is None and found.step.finite:
            # The exporter failed, which says nothing about other numbers of moves.
            break
        layers = {to: [layer for layer, precision in kept.items() if precision == to] for to in ("float", "int8")}
        tried.append(as_try(found.step, strength=None, float_layers=layers["float"], int8_layers=layers["int8"]))
        if tried[-1].accepted:
            best, accepted = found, count
        else:
            refused = count
    return best, tried
