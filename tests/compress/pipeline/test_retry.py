"""The guard's search on stages that are numbers: what they cost is their strength."""

from dataclasses import dataclass

import pytest

from pocketbert.compress.manifest import Comparison, Step
from pocketbert.compress.pipeline.retry import weaken
from pocketbert.compress.stages import StageParameters
from pocketbert.compress.stages.prune_heads import Parameters


@dataclass
class Made:
    step: Step


class World:
    """A stage is accepted up to `affordable`; with the costly layer spared, up to `spared`."""

    def __init__(self, affordable: float, spared: float = 0.0, layer: int | None = 5, reached: float = 0.0) -> None:
        self.affordable, self.spared, self.layer, self.reached = affordable, spared, layer, reached
        self.attempts: list[tuple[float | None, tuple[int, ...]]] = []

    def attempt(self, parameters: StageParameters) -> Made:
        assert isinstance(parameters, Parameters)
        strength = parameters.strength if parameters.strength is not None else 1.0
        self.attempts.append((parameters.strength, parameters.spare))
        accepted = strength <= (self.spared if parameters.spare else self.affordable)
        drop = Comparison(
            metric="accuracy", value=0.9, reference=0.9, drop=strength, low=0, high=1, rows=100, confidence=0.95
        )
        return Made(Step(name="01", kind="x", decision="accepted" if accepted else "rolled-back", comparison=drop))

    def weaken(self, parameters: Parameters, tries: int = 4) -> tuple[Made, list[tuple[float | None, bool]]]:
        rejected = self.attempt(parameters)
        assert rejected.step.decision == "rolled-back"
        best, tried = weaken(
            rejected, parameters, tries, self.reached, self.attempt, lambda _: self.layer, lambda _: None
        )
        assert len(tried) == len(self.attempts), "something was tried and not written down"
        return best, [(one.strength, one.accepted) for one in tried]


def test_bisection_keeps_the_strongest_that_passes() -> None:
    best, tried = World(affordable=0.45).weaken(Parameters(ratio=0.8))
    assert tried == [(0.8, False), (0.4, True), (0.6, False), (0.5, False), (0.45, True)]
    assert best.step.decision == "accepted"
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.45


def test_target_macs_is_turned_down_too() -> None:
    best, tried = World(affordable=0.3).weaken(Parameters(target_macs=0.5), tries=1)
    assert tried == [(0.5, False), (0.25, True)]
    assert best.step.decision == "accepted"


def test_the_costliest_layer_comes_back_before_all_is_given_up() -> None:
    world = World(affordable=0.0, spared=0.1)
    best, tried = world.weaken(Parameters(ratio=0.8), tries=3)
    assert tried == [(0.8, False), (0.4, False), (0.2, False), (0.1, False), (0.8, False), (0.1, True)]
    assert world.attempts[-2:] == [(0.8, (5,)), (0.1, (5,))]
    assert best.step.decision == "accepted"


def test_a_rejected_cut_is_not_made_again() -> None:
    """At 0.4 and below, the stage cuts one unit, whatever the strength."""
    world = World(affordable=0.0, layer=None)
    rejected = world.attempt(Parameters(ratio=0.8))

    def cut_of(parameters: StageParameters) -> list[int]:
        return [0, 1] if (parameters.strength or 0) > 0.4 else [0]

    _, tried = weaken(rejected, Parameters(ratio=0.8), 4, 0.0, world.attempt, lambda _: None, cut_of)
    assert [one.strength for one in tried] == [0.8, 0.4]


def test_a_layer_that_alone_is_to_blame_costs_no_strength() -> None:
    best, tried = World(affordable=0.0, spared=0.8).weaken(Parameters(ratio=0.8), tries=1)
    assert tried == [(0.8, False), (0.4, False), (0.8, True)]
    assert best.step.decision == "accepted"


def test_bisection_begins_where_an_earlier_stage_has_got_to() -> None:
    _, tried = World(affordable=0.45, reached=0.4).weaken(Parameters(target_macs=0.5), tries=2)
    assert tried == [(0.5, False), (0.45, True), (0.475, False)]


def test_a_failing_model_is_never_returned_as_a_good_one() -> None:
    best, tried = World(affordable=0.0).weaken(Parameters(ratio=0.8), tries=2)
    assert best.step.decision == "rolled-back"
    assert not any(accepted for _, accepted in tried)


@pytest.mark.parametrize("layer", [5, None])
def test_an_explicit_choice_has_no_strength_but_layers(layer: int | None) -> None:
    world = World(affordable=0.0, spared=1.0, layer=layer)
    best, tried = world.weaken(Parameters(heads={0: [1], 5: [2]}))
    assert [strength for strength, _ in tried] == [None] * (2 if layer else 1)
    assert best.step.decision == ("accepted" if layer else "rolled-back")


def test_an_accepted_cut_is_not_made_again() -> None:
    """At 0.2 to 0.45 the stage cuts the same unit."""
    world = World(affordable=0.45)
    rejected = world.attempt(Parameters(ratio=0.5))

    def cut_of(parameters: StageParameters) -> list[int]:
        return [0, 1] if (parameters.strength or 0) > 0.45 else [0]

    best, tried = weaken(rejected, Parameters(ratio=0.5), 4, 0.0, world.attempt, lambda _: None, cut_of)
    assert [one.strength for one in tried] == [0.5, 0.25]
    assert best.step.decision == "accepted"


def test_where_every_try_was_rejected_the_full_strength_is_told() -> None:
    world = World(affordable=0.0)
    rejected = world.attempt(Parameters(ratio=0.8))
    best, _ = weaken(rejected, Parameters(ratio=0.8), 2, 0.0, world.attempt, lambda _: 5, lambda _: None)
    assert best is rejected
