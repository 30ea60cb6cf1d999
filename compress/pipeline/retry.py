"""Retries of a rejected stage at lower strengths."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.stages import StageParameters


class Attempt(Protocol):
    """A step made with some parameters, and the guard's decision about it."""

    @property
    def step(self) -> Step:
        """The step with its comparison."""
        ...


A = TypeVar("A", bound=Attempt)


def weaken(
    rejected: A,
    parameters: StageParameters,
    tries: int,
    reached: float,
    attempt: Callable[[StageParameters], A],
    costliest: Callable[[StageParameters], int | None],
    cut_of: Callable[[StageParameters], list[int] | None],
) -> tuple[A, list[Try]]:
    """Return the strongest accepted attempt of at most `tries` bisected strengths, and all tries.

    If no strength is accepted, or an explicit choice has no strength, the layer that costs most is left whole: first at
    the full strength, then at the weakest one tried. If every try was rejected, `rejected` is returned.

    Args:
        rejected: the stage at its full strength.
        reached: the strength at which nothing happens.
        attempt: makes the stage with other parameters and decides about it.
        costliest: returns the layer in which those parameters cost most; None if nothing would be left to do.
        cut_of: returns what those parameters cut, if different strengths may cut the same. No cut is made twice.
    """
    tried = [as_try(rejected.step, **_how(parameters))]
    best, weakest, strongest = rejected, parameters, parameters
    accepted, refused = reached, parameters.strength or 0.0
    for _ in range(tries if refused > accepted else 0):
        middle = parameters.with_strength(round((accepted + refused) / 2, 4))
        if (cut := cut_of(middle)) is not None and cut == cut_of(weakest):
            refused = middle.strength or 0.0
            continue
        if best is not rejected and cut is not None and cut == cut_of(strongest):
            accepted = middle.strength or 0.0
            continue
        found = attempt(middle)
        tried.append(as_try(found.step, **_how(middle)))
        if tried[-1].accepted:
            best, strongest, accepted = found, middle, middle.strength or 0.0
        else:
            weakest, refused = middle, middle.strength or 0.0
    for strong in [parameters] if weakest is parameters else [parameters, weakest]:
        if best.step.decision == "accepted" or (layer := costliest(strong)) is None:
            continue
        spared = strong.without_layer(layer)
        found = attempt(spared)
        tried.append(as_try(found.step, **_how(spared)))
        if tried[-1].accepted:
            best = found
    return best, tried


def _how(parameters: StageParameters) -> dict[str, Any]:
    return {"strength": parameters.strength, "spare": list(getattr(parameters, "spare", ()))}


def as_try(step: Step, **what: Any) -> Try:
    """Record one attempt; `what` holds the fields of `Try` that say how it was made.

    Raises:
        ValueError: the step has no comparison, although its answers are finite.
    """
    if step.comparison is None and step.finite:
        raise ValueError(f"{step.name} has no comparison")
    return Try(comparison=step.comparison, accepted=step.decision == "accepted", failed=step.failed, **what)
