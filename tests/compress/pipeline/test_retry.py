"""The guard's search on stages that are numbers: what they cost is their strength."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pocketbert.compress.manifest import Comparison, Step
from pocketbert.compress.pipeline.guard import describe, describe_try
from pocketbert.compress.pipeline.retry import fall_back, weaken
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
        best, tried = weaken(rejected, parameters, tries, self.reached, self.attempt, lambda _: self.layer)
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


def made(count: int, accepted: bool) -> Made:
    drop = Comparison(
        metric="accuracy", value=0.9, reference=0.9, drop=count / 100, low=0, high=1, rows=100, confidence=0.95
    )
    decision = "accepted" if accepted else "rolled-back"
    return Made(
        Step.model_validate({"name": "onnx-int8", "kind": "artifact", "decision": decision, "comparison": drop})
    )


class Files:
    """Of `layers`, ranked, the first `needed` must be in float; the exporter fails on `broken` of them.

    With fewer than `finite` in float the answers are NaN.
    """

    def __init__(self, layers: int, needed: int, broken: int | None = None, finite: int = 0) -> None:
        self.ranked = [f"linear {number}" for number in range(layers)]
        self.needed, self.broken, self.finite = needed, broken, finite

    def attempt(self, keep_float: Sequence[str]) -> Made:
        assert list(keep_float) == self.ranked[: len(keep_float)], "others than the worst"
        if len(keep_float) == self.broken:
            return Made(Step(name="onnx-int8", kind="artifact", decision="rolled-back", failed="ValueError: no"))
        if len(keep_float) < self.finite:
            return Made(Step(name="onnx-int8", kind="artifact", decision="rolled-back", failed="NaN", finite=False))
        return made(len(keep_float), len(keep_float) >= self.needed)

    def search(self) -> tuple[Made, list[tuple[int, bool]]]:
        best, tried = fall_back(self.attempt([]), self.ranked, self.attempt)
        return best, [(len(one.float_layers), one.accepted) for one in tried]


def test_doubles_and_bisects_back_to_the_fewest() -> None:
    best, tried = Files(layers=26, needed=6).search()
    assert tried == [(0, False), (1, False), (2, False), (4, False), (8, True), (6, True), (5, False)]
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.06


@pytest.mark.parametrize("layers", [2, 3, 9, 26])
def test_ends_where_one_by_one_would(layers: int) -> None:
    for needed in range(1, layers):
        best, tried = Files(layers, needed).search()
        assert best.step.decision == "accepted"
        assert best.step.comparison is not None
        assert best.step.comparison.drop == needed / 100
        assert len(tried) <= 2 * layers.bit_length() + 1


@pytest.mark.parametrize("layers", [1, 2, 26])
def test_a_file_with_everything_in_float_is_none(layers: int) -> None:
    best, tried = Files(layers, needed=layers).search()
    assert best.step.decision == "rolled-back"
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0, "the file that was asked for is what is rolled back"
    assert max(count for count, _ in tried) == layers - 1


def test_an_exporter_that_fails_ends_the_search() -> None:
    best, tried = Files(26, needed=6, broken=8).search()
    assert best.step.decision == "rolled-back"
    assert tried[-1] == (4, False)
    best, tried = Files(26, needed=6, broken=6).search()
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.08
    assert tried[-1] == (8, True)


def test_nan_is_the_worst_answer_and_ends_no_search() -> None:
    best, tried = Files(layers=26, needed=6, finite=5).search()
    assert tried == [(0, False), (1, False), (2, False), (4, False), (8, True), (6, True), (5, False)]
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.06
    best, tried = Files(layers=4, needed=4, finite=4).search()
    assert (best.step.decision, best.step.failed, best.step.finite) == ("rolled-back", "NaN", False)
    assert [count for count, _ in tried] == [0, 1, 2, 3]


def test_the_line_says_how_many_and_why() -> None:
    world = Files(layers=3, needed=2)
    _, tried = fall_back(made(0, accepted=False), world.ranked, world.attempt)
    assert [describe_try(one) for one in tried] == [
        "as chosen: +0.00 points, rejected",
        "1 in float: +1.00 points, rejected",
        "2 in float: +2.00 points, accepted",
    ]
    failed = Step(name="onnx-fp32", kind="artifact", decision="rolled-back", notes=["student-fp32.onnx: no"])
    assert describe(failed, 0.01) == "onnx-fp32: rolled-back (student-fp32.onnx: no)"
