"""Checks: figures that agree with each other, one sign, and copies that are not counted."""

import pytest

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.checks import checks, counted, why_copies
from pocketbert.bench.stats.intervals import Interval
from tests.support.results import INT8, TEACHER


def test_copies_are_counted_apart(copied: Results) -> None:
    found = checks(copied)
    assert counted(found) == "5 of 5 measured checks passed, 1 of them improved; 4 not repeated"
    assert why_copies(found) == (
        "2 in mobile-2t, which has the threads and cores of cpu here; 2 of student-fp32.onnx, which is the "
        "baseline's own file"
    )
    assert [bool(check.copy) for check in found] == [False] * 5 + [True] * 4, "copies come last"


def test_a_copy_that_fails_counts(copied: Results) -> None:
    [twin] = [v for v in copied.verdicts if v.profile == "mobile-2t/128" and v.artifact == INT8]
    slower = twin.model_copy(update={"outcome": "regressed", "fails": True})
    found = checks(copied.model_copy(update={"verdicts": [slower if v is twin else v for v in copied.verdicts]}))
    assert (found[0].verdict, found[0].copy) == (slower, "")
    assert counted(found).startswith("5 of 6 measured checks passed, 1 of them improved, 1 regressed;")


def test_the_failing_checks_come_first(regressed: Results) -> None:
    found = checks(regressed)
    assert [check.outcome for check in found[:4]] == ["regressed", "missing", "inconclusive", "not possible here"]
    assert counted(found) == (
        "3 of 6 measured checks passed, 1 of them improved, 1 regressed, 1 missing, 1 inconclusive, "
        "1 not possible on this machine"
    )


def test_the_columns_agree_with_the_change(beside: Results) -> None:
    check = next(check for check in checks(beside) if check.verdict.profile == "mobile-1t/128")
    before, now = (float(text.removesuffix(" ms")) for text in (check.baseline, check.now))
    assert now / before == pytest.approx(1.11, abs=0.006)
    assert (check.said, check.allowed) == ("+11.0 % (+9.5 to +12.6)", "+5 %")
    assert check.name == "latency P50, mobile-1t, 128 tokens"
    assert check.limits and check.limits.estimate == pytest.approx(2.2)


def test_accuracy_has_the_sign_of_a_change_and_worse_is_positive_in_limits(results: Results) -> None:
    check = next(check for check in checks(results) if check.verdict.metric == "accuracy")
    assert (check.said, check.allowed) == ("−0.1 pp (−0.4 to +0.2)", "−1 pp")
    assert check.limits
    assert check.limits.estimate == pytest.approx(0.11)
    assert check.limits.low < 0 < check.limits.high


def test_the_memory_of_a_small_model_has_the_limit_that_its_floor_is(results: Results) -> None:
    verdicts = [
        v.model_copy(update={"baseline": 4.0, "measured": 4.5, "change": None}) if v.metric == "memory" else v
        for v in results.verdicts
    ]
    check = next(c for c in checks(results.model_copy(update={"verdicts": verdicts})) if c.verdict.metric == "memory")
    assert (check.name, check.allowed, check.said) == ("model memory", "+1 MiB", "+12.5 %")


def test_a_drop_from_the_teacher_is_shown_as_one(results: Results) -> None:
    score = results.artifact(INT8).accuracy
    assert score and score.drop
    verdicts = [
        v.model_copy(update={"outcome": "regressed", "fails": True, "interval": score.drop, "change": None})
        if v.metric == "accuracy"
        else v
        for v in results.verdicts
    ]
    judged = results.model_copy(update={"verdicts": verdicts, "max_drop": 0.0})
    check = checks(judged)[0]
    assert (check.name, check.baseline) == ("accuracy against the teacher", "86.5 %")
    # A baseline that predicts as the teacher does: the same drop, but its own limit is the one that is exceeded.
    check = checks(judged.model_copy(update={"max_drop": 0.02}))[0]
    assert (check.name, check.allowed) == ("accuracy", "−1 pp")
    assert check.said == "−0.6 pp (−1.3 to +0.1)"
    assert results.artifact(TEACHER).accuracy


def test_the_change_of_the_verdict_comes_first(results: Results) -> None:
    change = Interval(estimate=0.5, low=0.4, high=0.6)
    latency = results.verdicts[0].model_copy(update={"change": change})
    assert checks(results.model_copy(update={"verdicts": [latency]}))[0].change == change
    older = results.verdicts[0].model_copy(update={"change": None})
    assert checks(results.model_copy(update={"verdicts": [older]}))[0].said == "", "older files lack it"


def test_a_change_beyond_a_limit_of_nothing_is_beyond_it(results: Results) -> None:
    change = Interval(estimate=0.005, low=0.005, high=0.005)
    verdicts = [
        v.model_copy(update={"threshold": 0.0, "change": change}) if v.metric == "size" else v for v in results.verdicts
    ]
    check = next(c for c in checks(results.model_copy(update={"verdicts": verdicts})) if c.verdict.metric == "size")
    assert check.limits and check.limits.low > 1


def test_pairs_without_times_show_no_multiples_of_the_teacher(beside: Results) -> None:
    older = [pair.model_copy(update={"baseline_ms": [], "candidate_ms": []}) for pair in beside.paired]
    check = next(c for c in checks(beside.model_copy(update={"paired": older})) if c.verdict.profile == "mobile-1t/128")
    assert (check.baseline, check.now, check.said) == ("", "", "+11.0 % (+9.5 to +12.6)")
