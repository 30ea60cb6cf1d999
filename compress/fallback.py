"""What happens to an INT8 file that costs too much: the Linears that hurt most go back to float until it passes."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from compress.manifest import Step, Try
from compress.weaken import Attempt

A = TypeVar("A", bound=Attempt)


def fall_back(rejected: A, ranked: Sequence[str], attempt: Callable[[Sequence[str]], A]) -> tuple[A, list[Try]]:
    """The file with the fewest Linears in float that the guard accepts, and everything that was tried.

    Their number doubles until the guard accepts and is bisected then (Bentley & Yao 1976, "An Almost Optimal Algorithm
    for Unbounded Searching"): what one by one would end at, after fewer tries. With every Linear in float it would be
    an FP32 file: rather than that, `rejected` is returned.

    Args:
        rejected: the file with all of them in INT8.
        ranked: Linears, the one that hurts most first; those in float are always the first so many.
        attempt: exports and judges the file with these in float.
    """
    best, tried = rejected, [as_try(rejected.step, [])]
    refused, accepted = 0, len(ranked)
    while accepted - refused > 1:
        passed = best is not rejected
        count = (refused + accepted) // 2 if passed else min(2 * refused or 1, len(ranked) - 1)
        found = attempt(ranked[:count])
        if found.step.comparison is None:  # the exporter failed: no other number would tell it from a bad one
            break
        tried.append(as_try(found.step, ranked[:count]))
        if tried[-1].accepted:
            best, accepted = found, count
        else:
            refused = count
    return best, tried


def as_try(step: Step, float_layers: Sequence[str]) -> Try:
    """What `stage.json` keeps of one attempt."""
    if step.comparison is None:
        raise ValueError(f"{step.name} was not judged")
    return Try(
        strength=None,
        float_layers=list(float_layers),
        comparison=step.comparison,
        accepted=step.decision == "accepted",
        failed=step.failed,
    )
