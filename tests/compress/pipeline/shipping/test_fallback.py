"""What rounding hurts most goes back a precision: the order of the moves, and the search for the fewest."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pocketbert.compress.manifest import Comparison, Step
from pocketbert.compress.pipeline.guard import describe, describe_try
from pocketbert.compress.pipeline.shipping.fallback import Move, fall_back, kept_after, moves

COSTS = {
    "words": {"int8": 0.02, "int4": 5.0},
    "linear": {"int8": 0.1, "int4": 0.3},
    "classifier": {"int8": 0.2},
    "odd": {"int8": 0.05, "int4": 0.01},
}


def test_an_int8_file_has_one_move_for_each_layer() -> None:
    assert moves(COSTS, "int8") == [Move(layer, "float") for layer in ("classifier", "linear", "odd", "words")]


def test_a_layer_of_an_int4_file_goes_through_int8() -> None:
    ranked = moves(COSTS, "int4")
    assert ranked == [
        Move("words", "int8"),
        Move("linear", "int8"),
        Move("classifier", "float"),
        Move("linear", "float"),
        Move("odd", "int8"),
        Move("odd", "float"),
        Move("words", "float"),
    ]
    assert kept_after(ranked[:4]) == {"words": "int8", "linear": "float", "classifier": "float"}
    assert kept_after(ranked) == dict.fromkeys(COSTS, "float")


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


class Files:
    """The first `needed` of the ranked moves are needed; the exporter fails on `broken` of them.

    With fewer than `finite` moves the answers are NaN.
    """

    def __init__(self, layers: int, needed: int, broken: int | None = None, finite: int = 0) -> None:
        self.ranked = [Move(f"linear {number}", "float") for number in range(layers)]
        self.needed, self.broken, self.finite = needed, broken, finite

    def attempt(self, kept: Mapping[str, str]) -> Made:
        assert kept == kept_after(self.ranked[: len(kept)]), "others than the worst"
        if len(kept) == self.broken:
            return Made(Step(name="onnx-int8", kind="artifact", decision="rolled-back", failed="ValueError: no"))
        if len(kept) < self.finite:
            return Made(Step(name="onnx-int8", kind="artifact", decision="rolled-back", failed="NaN", finite=False))
        return made(len(kept), len(kept) >= self.needed)

    def search(self) -> tuple[Made, list[tuple[int, bool]]]:
        best, tried = fall_back(self.attempt({}), self.ranked, self.attempt)
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


def test_the_tries_list_the_layers_by_precision() -> None:
    def attempt(kept: Mapping[str, str]) -> Made:
        return made(len(kept), accepted="float" in kept.values())

    _, tried = fall_back(made(0, accepted=False), moves(COSTS, "int4"), attempt)
    assert [(one.float_layers, one.int8_layers, one.accepted) for one in tried] == [
        ([], [], False),
        ([], ["words"], False),
        ([], ["words", "linear"], False),
        (["linear", "classifier"], ["words"], True),
        (["classifier"], ["words", "linear"], True),
    ]
    assert [describe_try(one) for one in tried[2:4]] == [
        "2 in INT8: -2.00 pp, rejected",
        "2 in float, 1 in INT8: -3.00 pp, accepted",
    ]
    failed = Step(name="onnx-fp32", kind="artifact", decision="rolled-back", notes=["student-fp32.onnx: no"])
    assert describe(failed, 0.01) == "onnx-fp32: rolled-back (student-fp32.onnx: no)"
