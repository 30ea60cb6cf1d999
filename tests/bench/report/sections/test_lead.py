"""The first lines."""

import re

import pytest

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.sections.lead import (
    claims,
    control_line,
    guard_lines,
    headline_figures,
    inconclusive_line,
    other_machine_line,
    verdict_line,
)
from pocketbert.compress.manifest import Step, Try
from tests.support.results import FILE, INT8


def with_step(results: Results, name: str, **fields: object) -> Results:
    steps = [s.model_copy(update=fields) if s.name == name else s for s in results.steps]
    return results.model_copy(update={"steps": steps})


def test_failures_are_counted_the_worst_first(regressed: Results) -> None:
    assert verdict_line(regressed) == (
        "**Gate failed: 3 of 6 measured checks passed, 1 of them improved, 1 regressed, 1 missing, 1 inconclusive, "
        "1 not possible on this machine.**"
    )


def test_without_a_baseline_nothing_is_called_unregressed(results: Results) -> None:
    verdicts = [v.model_copy(update={"outcome": "no-baseline", "baseline": None}) for v in results.verdicts]
    line = verdict_line(results.model_copy(update={"verdicts": verdicts, "baseline": None}))
    assert line == "**Gate: nothing was compared, for lack of a baseline (4 figures).**"


def test_ungated_verdicts_are_not_counted(results: Results) -> None:
    verdicts = [v.model_copy(update={"gated": False}) for v in results.verdicts]
    assert verdict_line(results.model_copy(update={"verdicts": verdicts})) == "**Gate: nothing was compared.**"


def test_a_rolled_back_step_is_named(rolled_back: Results) -> None:
    assert guard_lines(rolled_back)[0] == (
        "**distill was rolled back**: accuracy 84.1 % against the teacher's 86.5 %, −2.4 pp (−3.7 to −1.1), "
        "limit −1.0 pp; the model of prune-heads is exported."
    )


def test_inconclusive_steps_share_a_line_without_lossless_exports(results: Results) -> None:
    assert guard_lines(results) == []
    line = inconclusive_line(results)
    assert line.startswith("**Accepted, but not certain:** the interval of the change contains the limit of −1.0 pp: ")
    assert "prune-heads" not in line and "fp32" not in line
    change = r"−0\.7 pp \(−1\.4 to 0\.0\); about \d?\d,\d{3} examples would decide"
    assert re.search(rf"pp: distill {change}; onnx-int8 −0\.7 pp ", line), line


def test_a_weakened_step_is_named_with_both_strengths(results: Results) -> None:
    step = next(s for s in results.steps if s.name == "02-prune-heads")
    assert step.comparison is not None
    far = step.comparison.model_copy(update={"drop": 0.031})
    taken = Try(strength=0.25, spare=[3], comparison=step.comparison, accepted=True)
    tries = [Try(strength=0.5, comparison=far, accepted=False), taken]
    head = "**prune-heads was retried at a lower strength (0.5 to 0.25) with layer 3 left out**"
    assert guard_lines(with_step(results, step.name, tries=tries))[0] == (
        f"{head}: at first the change was −3.1 pp, the limit is −1.0 pp."
    )
    unknown = [tries[0].model_copy(update={"strength": None}), taken]
    assert guard_lines(with_step(results, step.name, tries=unknown))[0].startswith(
        "**prune-heads was retried with layer 3 left out**"
    )


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ("only 90.0 % of predictions keep their label", "only 90.0 % of predictions keep their label"),
        (None, "the change was −3.1 pp, the limit is −1.0 pp"),
    ],
)
def test_a_file_with_layers_in_a_higher_precision_says_why(results: Results, failed: str | None, words: str) -> None:
    step = results.steps[-1]
    assert step.comparison is not None
    far = step.comparison.model_copy(update={"drop": 0.031})
    tries = [
        Try(strength=None, comparison=far, accepted=False, failed=failed),
        Try(strength=None, float_layers=["a"], int8_layers=["b", "c"], comparison=step.comparison, accepted=True),
    ]
    lines = guard_lines(with_step(results, step.name, tries=tries, parameters={"precision": "int4"}))
    assert (
        lines[0]
        == f"**onnx-int8 keeps layers in a higher precision (1 in float, 2 in INT8)**: with all in INT4 {words}."
    )


def test_the_build_goes_on_after_a_stage_in_the_middle(results: Results) -> None:
    line = guard_lines(with_step(results, "02-prune-heads", decision="rolled-back"))[0]
    assert line.startswith("**prune-heads was rolled back**")
    assert line.endswith("; the build went on from the model of finetune.")


def test_a_broken_export_is_named_with_its_reason_and_not_its_score(results: Results) -> None:
    notes = ["model.onnx: labels agree on 71 % of the rows, 98 % are asked for"]
    broken = Step(
        name="onnx-int8", kind="artifact", decision="rolled-back", comparison=results.steps[-1].comparison, notes=notes
    )
    lines = guard_lines(results.model_copy(update={"steps": [*results.steps[:-1], broken]}))
    assert lines[0] == f"**onnx-int8 was rolled back**: {notes[0]}; it is not exported."


def test_two_stages_of_a_kind_keep_their_numbers(rolled_back: Results) -> None:
    again = rolled_back.steps[3].model_copy(update={"name": "04-distill"})
    lines = guard_lines(rolled_back.model_copy(update={"steps": [*rolled_back.steps, again]}))
    assert [line.partition(" was")[0] for line in lines[:2]] == ["**03-distill", "**04-distill"]


def test_a_teacher_below_the_linear_model_is_announced(results: Results) -> None:
    assert results.linear_control
    assert control_line(results) == ""
    worse = results.linear_control.comparison.model_copy(update={"value": 0.84, "drop": 0.0131})
    control = results.linear_control.model_copy(update={"comparison": worse})
    assert control_line(results.model_copy(update={"linear_control": control})).startswith(
        "**The teacher does not beat the linear model:** accuracy 84.0 % against 85.3 %, −1.3 pp ("
    )


def test_another_machine_is_said_once(results: Results) -> None:
    assert other_machine_line(results, FILE) == ""
    update = {"outcome": "no-baseline", "why": "other-machine"}
    verdicts = [v if v.metric in ("size", "accuracy") else v.model_copy(update=update) for v in results.verdicts]
    line = other_machine_line(results.model_copy(update={"verdicts": [*verdicts, verdicts[0]]}), FILE)
    assert line.startswith("**Not compared: latency and memory.**")
    assert line.endswith("`pocketbert baseline update reports/offline.json`.")


def test_the_headline_says_faster_smaller_and_at_what_price(results: Results) -> None:
    line = headline_figures(results)
    assert line.startswith(
        "**`student-int8.onnx` against the teacher: 9.61× faster, 11.0× smaller, −0.6 pp accuracy.**"
    )
    assert " speed-up 9.61× (" in line
    assert " of the teacher's P50, " in line
    assert " ms (mobile-1t, 128 tokens); " in line
    assert line.endswith("−0.6 pp (−1.3 to +0.1), limit −1.0 pp.")


def test_a_worse_model_is_called_slower_and_larger(results: Results) -> None:
    ship, teacher = results.artifact(INT8), results.artifacts[0]
    assert ship.size
    assert ship.accuracy
    worse = ship.model_copy(
        update={
            "latency": [
                m.model_copy(update={"ratio": m.ratio.model_copy(update={"estimate": 2.0})}) for m in ship.latency
            ],
            "size": ship.size.model_copy(update={"bytes": 306_200_000}),
            "accuracy": ship.accuracy.model_copy(update={"drop": None}),
        }
    )
    line = headline_figures(results.model_copy(update={"artifacts": [teacher, worse]}))
    assert "2.00× slower, 2.00× larger.**" in line


def test_claims_have_the_sign_of_the_tables(results: Results) -> None:
    assert claims(results) == (["9.61× faster", "11.0× smaller", "−0.6 pp accuracy"], INT8)
    assert claims(results.model_copy(update={"artifacts": results.artifacts[:1]})) == ([], "")


def test_without_teacher_or_export_there_is_nothing_to_compare(results: Results) -> None:
    no_teacher = results.model_copy(update={"artifacts": results.artifacts[1:]})
    assert headline_figures(no_teacher).startswith("The teacher was not measured")
    alone = results.model_copy(update={"artifacts": results.artifacts[:1]})
    assert headline_figures(alone).startswith("Nothing was exported: only the teacher, `teacher-fp32.torch`")
