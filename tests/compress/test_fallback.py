"""The search for the fewest Linears in float, on files that are numbers: they pass with so many in float."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from compress.fallback import fall_back
from compress.guard import describe, describe_try
from compress.manifest import Comparison, Step


@dataclass
class Made:
    step: Step


def made(count: int, accepted: bool) -> Made:
    drop = Comparison(
        metric="accuracy", value=0.9, reference=0.9, drop=count / 100, low=0, high=1, rows=100, confidence=0.95
    )
    decision = "accepted" if accepted else "rolled-back"
    return Made(
        Step.model_validate({"name": "onnx-int8", "kind": "artifact", "decision": decision, "comparison": drop})
    )


class World:
    """Of `layers`, ranked, the first `needed` must be in float; the exporter fails on `broken` of them."""

    def __init__(self, layers: int, needed: int, broken: int | None = None) -> None:
        self.ranked = [f"linear {number}" for number in range(layers)]
        self.needed, self.broken = needed, broken

    def attempt(self, keep_float: Sequence[str]) -> Made:
        assert list(keep_float) == self.ranked[: len(keep_float)], "others than the worst"
        if len(keep_float) == self.broken:
            return Made(Step(name="onnx-int8", kind="artifact", decision="rolled-back", failed="ValueError: no"))
        return made(len(keep_float), len(keep_float) >= self.needed)

    def search(self) -> tuple[Made, list[tuple[int, bool]]]:
        best, tried = fall_back(made(0, accepted=False), self.ranked, self.attempt)
        return best, [(len(one.float_layers), one.accepted) for one in tried]


def test_doubles_and_bisects_back_to_the_fewest() -> None:
    best, tried = World(layers=26, needed=6).search()
    assert tried == [(0, False), (1, False), (2, False), (4, False), (8, True), (6, True), (5, False)]
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.06


@pytest.mark.parametrize("layers", [2, 3, 9, 26])
def test_ends_where_one_by_one_would(layers: int) -> None:
    for needed in range(1, layers):
        best, tried = World(layers, needed).search()
        assert best.step.decision == "accepted"
        assert best.step.comparison is not None
        assert best.step.comparison.drop == needed / 100
        assert len(tried) <= 2 * layers.bit_length() + 1


@pytest.mark.parametrize("layers", [1, 2, 26])
def test_a_file_with_everything_in_float_is_none(layers: int) -> None:
    best, tried = World(layers, needed=layers).search()
    assert best.step.decision == "rolled-back"
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0, "the file that was asked for is what is rolled back"
    assert max(count for count, _ in tried) == layers - 1


def test_an_exporter_that_fails_ends_the_search() -> None:
    best, tried = World(26, needed=6, broken=8).search()
    assert best.step.decision == "rolled-back"
    assert tried[-1] == (4, False)
    best, tried = World(26, needed=6, broken=6).search()
    assert best.step.comparison is not None
    assert best.step.comparison.drop == 0.08
    assert tried[-1] == (8, True)


def test_the_line_says_how_many_and_why() -> None:
    world = World(layers=3, needed=2)
    _, tried = fall_back(made(0, accepted=False), world.ranked, world.attempt)
    assert [describe_try(one) for one in tried] == [
        "as chosen: +0.00 points, rejected",
        "1 in float: +1.00 points, rejected",
        "2 in float: +2.00 points, accepted",
    ]
    failed = Step(name="onnx-fp32", kind="artifact", decision="rolled-back", notes=["student-fp32.onnx: no"])
    assert describe(failed, 0.01) == "onnx-fp32: rolled-back (student-fp32.onnx: no)"
