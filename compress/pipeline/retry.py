"""What happens to a stage that costs too much: its strength is turned down until the guard accepts it, or it goes."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.stages import StageParameters


class Attempt(Protocol):
    """A stage as it came out at some strength."""

    @property
    def step(self) -> Step:
        """Judged."""
        ...


A = TypeVar("A", bound=Attempt)


def weaken(
    rejected: A,
    parameters: StageParameters,
    tries: int,
    reached: float,
    attempt: Callable[[StageParameters], A],
    costliest: Callable[[StageParameters], int | None],
) -> tuple[A, list[Try]]:
    """The strongest of at most `tries` bisected strengths that the guard accepts, and everything that was tried.

    Where it accepts none (or the choice was explicit and has no strength), the layer that costs most goes back to its
    full width: of the full strength, and if that does not do, of the weakest one tried. What is returned is rejected
    only if all of it was.

    Args:
        rejected: the stage at its full strength.
        reached: the strength at which nothing happens.
        attempt: makes and judges the stage with other parameters.
        costliest: the layer that those parameters cost most in; None where giving it back would leave nothing.
    """
    tried = [as_try(rejected.step, **_how(parameters))]
    best, weakest = rejected, parameters
    accepted, refused = reached, parameters.strength or 0.0
    for _ in range(tries if refused > accepted else 0):
        middle = parameters.with_strength(round((accepted + refused) / 2, 4))
        found = attempt(middle)
        tried.append(as_try(found.step, **_how(middle)))
        if tried[-1].accepted:
            best, accepted = found, middle.strength or 0.0
        else:
            weakest, refused = middle, middle.strength or 0.0
    for cut in [parameters] if weakest is parameters else [parameters, weakest]:
        if best.step.decision == "accepted" or (layer := costliest(cut)) is None:
            continue
        spared = cut.without_layer(layer)
        best = attempt(spared)
        tried.append(as_try(best.step, **_how(spared)))
    return best, tried


def _how(parameters: StageParameters) -> dict[str, Any]:
    return {"strength": parameters.strength, "spare": list(getattr(parameters, "spare", ()))}


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
    best, tried = rejected, [as_try(rejected.step, strength=None)]
    refused, accepted = 0, len(ranked)
    while accepted - refused > 1:
        passed = best is not rejected
        count = (refused + accepted) // 2 if passed else min(2 * refused or 1, len(ranked) - 1)
        found = attempt(ranked[:count])
        if found.step.comparison is None:  # the exporter failed: no other number would tell it from a bad one
            break
        tried.append(as_try(found.step, strength=None, float_layers=list(ranked[:count])))
        if tried[-1].accepted:
            best, accepted = found, count
        else:
            refused = count
    return best, tried


def as_try(step: Step, **what: Any) -> Try:
    """Record one attempt; `what` holds the fields of `Try` that say how it was made.

    Raises:
        ValueError: the step was not judged.
    """
    if step.comparison is None:
        raise ValueError(f"{step.name} was not judged")
    return Try(comparison=step.comparison, accepted=step.decision == "accepted", failed=step.failed, **what)
