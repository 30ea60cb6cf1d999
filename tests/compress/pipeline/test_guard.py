import re

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.manifest import Step, Try
from pocketbert.compress.pipeline.guard import Guard, GuardStopped, describe, held_back, judged_on
from pocketbert.compress.pipeline.recipe import GuardTable
from pocketbert.compress.tasks import open_task
from pocketbert.compress.tasks.paired import Drop

GOLD = [0, 1] * 500


def logits(wrong: int) -> np.ndarray:
    right = np.eye(2, dtype=np.float32)[GOLD]
    right[:wrong] = right[:wrong, ::-1]
    return right


def judge(wrong: int, **rule: object) -> Step:
    table = GuardTable.model_validate(rule)
    guard = Guard(table, open_task("classification", ["a", "b"], 16), GOLD, logits(100))
    return guard.decide(Step(name="01-x", kind="x", decision="accepted"), logits(wrong))


def test_clear_cases() -> None:
    assert (judge(100).decision, judge(100).unsettled) == ("accepted", False)
    assert (judge(160).decision, judge(160).unsettled) == ("rolled-back", False)


def test_between_the_bounds_the_estimate_decides_and_it_says_so() -> None:
    near, far = judge(109), judge(112)
    assert (near.decision, near.unsettled) == ("accepted", True)
    assert (far.decision, far.unsettled) == ("rolled-back", True)
    assert "inconclusive on 1,000 examples: about" in describe(far, 0.010)
    assert "change -1.20 pp (95 % CI " in describe(far, 0.010)


def test_a_teacher_that_answers_every_row_alike_is_told_of() -> None:
    task, step = open_task("classification", ["a", "b"], 16), Step(name="t", kind="finetune", decision="reference")
    alike = np.tile(np.float32([0.1, 0.2]), (1000, 1))
    judged = Guard(GuardTable.model_validate({}), task, GOLD, alike).decide(step, alike)
    assert "the reference (every prediction is 'b': this teacher has learnt nothing" in describe(judged, 0.010)
    assert Guard(GuardTable.model_validate({}), task, GOLD, logits(999)).decide(step, logits(999)).notes == []


def test_a_teacher_without_a_right_answer_decides_nothing() -> None:
    """A student that is as bad would be accepted by a drop of 0."""
    task, gold = open_task("tagging", ["O", "B-X"], 16), [[0, 1]] * 30
    outside = np.tile(np.float32([1, 0]), (60, 1))
    guard = Guard(GuardTable.model_validate({}), task, gold, outside)
    with pytest.raises(GuardStopped, match="00-teacher: f1 0 % on 30 validation rows, so no model can be worse"):
        guard.decide(Step(name="00-teacher", kind="finetune", decision="reference"), outside)


def test_broken_export_is_rejected_however_good() -> None:
    guard = Guard(GuardTable.model_validate({}), open_task("classification", ["a", "b"], 16), GOLD, logits(100))
    step = Step(name="onnx-fp32", kind="artifact", decision="accepted")
    judged = guard.decide(step, logits(100), "a logit differs")
    assert judged.decision == "rolled-back"
    assert "a logit differs" in describe(judged, 0.010)


def test_rows_that_would_settle_it_do() -> None:
    """With so many rows and the same shares, the interval ends at the limit."""
    step = judge(109)
    assert step.comparison is not None
    rows = step.comparison.as_drop().rows_to_decide(0.010)
    assert rows is not None
    shrunk = (step.comparison.high - step.comparison.drop) * (step.comparison.rows / rows) ** 0.5
    assert abs(step.comparison.drop + shrunk - 0.010) < 5e-4  # the number is rounded
    assert Drop(0.010, -0.01, 0.03, 100).rows_to_decide(0.010) is None
    assert "more examples would not decide it" in describe(judge(110), 0.010)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_never_compared(wrong: float) -> None:
    """Rejected for a single row that decides nothing, and without a figure; such a teacher stops the build."""
    task, rule = open_task("classification", ["a", "b"], 16), GuardTable.model_validate({})
    spoilt = logits(0)
    spoilt[7, 0] = wrong
    judged = Guard(rule, task, GOLD, logits(100)).decide(Step(name="01-x", kind="x", decision="accepted"), spoilt)
    assert (judged.decision, judged.comparison, judged.finite) == ("rolled-back", None, False)
    assert "01-x: rolled-back (the logits of 1 of 1,000 predictions are NaN" in describe(judged, 0.010)
    tries = [Try(strength=None, comparison=None, accepted=False, float_layers=layers) for layers in ([], ["a"])]
    told = describe(judged.model_copy(update={"tries": tries}), 0.010)
    ends = "after 2 tries (as chosen: no finite answers, rejected, 1 in float: no finite answers, rejected)"
    assert told.endswith(ends)
    assert "\n" not in told
    with pytest.raises(BadInput, match=r"^00-teacher: the logits of 1 of 1,000 predictions are NaN or infinite"):
        Guard(rule, task, GOLD, spoilt).decide(Step(name="00-teacher", kind="x", decision="reference"), spoilt)


def test_the_guard_decides_on_the_rows_that_are_held_back() -> None:
    """A candidate that is wrong on the other rows alone, of which 100 decide nothing."""
    rule, task = GuardTable.model_validate({"rows": "half"}), open_task("classification", ["a", "b"], 16)
    held = held_back(rule, GOLD)
    assert held is not None
    guard, step = Guard(rule, task, GOLD, logits(0), held), Step(name="01-x", kind="x", decision="accepted")
    others = np.delete(np.arange(len(GOLD)), held)
    wrong = logits(0)
    wrong[others[:100]] = wrong[others[:100], ::-1]
    judged = guard.decide(step, wrong)
    assert judged.comparison is not None
    assert (judged.decision, judged.comparison.rows, judged.comparison.drop) == ("accepted", 500, 0)
    wrong[held[:100]] = wrong[held[:100], ::-1]
    assert guard.decide(step, wrong).decision == "rolled-back"
    broken = logits(0)
    broken[others[0]] = np.nan
    assert not guard.decide(step, broken).finite


def test_the_rows_of_tagging_are_held_back_with_all_their_words() -> None:
    rule, task = GuardTable.model_validate({"rows": "half"}), open_task("tagging", ["O", "B-X"], 16)
    gold = [[0, 1], [1], [1, 1, 0]] * 400
    right = np.eye(2, dtype=np.float32)[[tag for row in gold for tag in row]]
    held = held_back(rule, gold)
    judged = Guard(rule, task, gold, right, held).compare(right, right)
    assert (judged.rows, judged.value) == (600, 1)


@pytest.mark.parametrize(
    ("rows", "count", "held", "told"),
    [
        ("half", 1000, 500, "decides on 500 of 1,000 validation rows; the others choose the best epochs"),
        ("half", 999, None, r'optimistic: too small, .*; guard.rows = "half" needs 1,000 rows or more$'),
        ("all", 1000, None, r'the 1,000 validation rows .* optimistic: too small, .*; set guard.rows = "half"$'),
    ],
)
def test_few_rows_are_not_divided_and_the_report_says_so(rows: str, count: int, held: int | None, told: str) -> None:
    rule = GuardTable.model_validate({"rows": rows})
    found = held_back(rule, [0, 1] * (count // 2) + [0] * (count % 2))
    assert (None if found is None else len(found)) == held
    assert re.search(told, judged_on(rule, count, found))
