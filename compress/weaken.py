"""What happens to a stage that costs too much: its strength is turned down until the guard accepts it, or it goes."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from compress.manifest import Step, Try
from compress.stages import StageParameters


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
    tried = [as_try(rejected.step, parameters)]
    best, weakest = rejected, parameters
    accepted, refused = reached, parameters.strength or 0.0
    for _ in range(tries if refused > accepted else 0):
        middle = parameters.at(round((accepted + refused) / 2, 4))
        found = attempt(middle)
        tried.append(as_try(found.step, middle))
        if tried[-1].accepted:
            best, accepted = found, middle.strength or 0.0
        else:
            weakest, refused = middle, middle.strength or 0.0
    for cut in [parameters] if weakest is parameters else [parameters, weakest]:
        if best.step.decision == "accepted" or (layer := costliest(cut)) is None:
            continue
        spared = cut.sparing(layer)
        best = attempt(spared)
        tried.append(as_try(best.step, spared))
    return best, tried


def as_try(step: Step, parameters: StageParameters) -> Try:
    """What `stage.json` keeps of one attempt."""
    if step.comparison is None:
        raise ValueError(f"{step.name} was not judged")
    spare: Any = getattr(parameters, "spare", ())
    return Try(
        strength=parameters.strength,
        spare=list(spare),
        comparison=step.comparison,
        accepted=step.decision == "accepted",
    )
