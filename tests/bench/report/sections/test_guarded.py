"""The guard's decisions and the linear baseline."""

from pocketbert.bench.records.results import Results
from pocketbert.bench.report.sections.guarded import guard, guard_counts, linear_control, linear_control_figures
from pocketbert.compress.manifest import Try
from tests.support.reports import rows_of

METRIC = ["85.8 %", "−0.7 pp (−1.4 to 0.0)"]


def with_tries(results: Results, name: str, tries: list[Try], **fields: object) -> Results:
    update = {"tries": tries, **fields}
    steps = [s.model_copy(update=update) if s.name == name else s for s in results.steps]
    return results.model_copy(update={"steps": steps})


def test_a_step_has_its_decision_and_its_drop(results: Results, rolled_back: Results) -> None:
    table = guard(results)
    assert rows_of(table, "`03-distill`") == [["accepted (inconclusive)", *METRIC, "3 min 14 s"]]
    assert rows_of(table, "`00-teacher`") == [["reference", "86.5 %", "–", "6 min 52 s"]]
    assert "\n\nIn every row: teacher: 86.5 %; examples: 1,736." in table
    assert rows_of(guard(rolled_back), "`03-distill`")[0][0] == "**rolled-back**"
    assert guard(results.model_copy(update={"steps": []})) == ""


def test_a_lossless_export_is_not_inconclusive(results: Results) -> None:
    assert rows_of(guard(results), "`torch-fp32`")[0][0] == "accepted"
    assert rows_of(guard(results), "`onnx-int8`")[0][0] == "accepted (inconclusive)"


def test_decisions_are_counted(results: Results, rolled_back: Results) -> None:
    assert guard_counts(results) == "6 accepted"
    assert guard_counts(rolled_back) == "5 accepted, 1 rolled back"
    assert guard_counts(results.model_copy(update={"steps": results.steps[:1]})) == "no step but the teacher"


def test_attempts_are_listed_with_their_strength(results: Results) -> None:
    step = results.steps[2]
    assert step.comparison is not None
    tries = [
        Try(strength=0.5, comparison=step.comparison, accepted=False),
        Try(strength=0.25, spare=[3], comparison=step.comparison, accepted=True),
    ]
    table = guard(with_tries(results, step.name, tries))
    rows = rows_of(table, f"`{step.name}`")[1:]
    assert [(row[0], row[1], row[-1]) for row in rows] == [("0.5", "–", "rejected"), ("0.25", "3", "accepted")]
    assert "What the guard tried" not in guard(results)


def test_attempts_of_a_file_count_the_layers_in_a_higher_precision(results: Results) -> None:
    step = results.steps[-1]
    assert step.comparison is not None
    layers = ["bert.pooler.dense", "bert.encoder.layer.2.output.dense"]
    tries = [
        Try(strength=None, comparison=step.comparison, accepted=False, failed="labels differ"),
        Try(strength=None, float_layers=layers[:1], comparison=None, accepted=False, failed="NaN"),
        Try(strength=None, float_layers=layers, int8_layers=["a"], comparison=step.comparison, accepted=True),
    ]
    table = guard(with_tries(results, step.name, tries, remarks=[f"in float: {', '.join(layers)}"]))
    assert "\n\n- onnx-int8: in float: bert.pooler.dense, bert.encoder.layer.2.output.dense\n\n" in table
    rows = rows_of(table, f"`{step.name}`")[1:]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("as chosen", "–", "rejected: labels differ"),
        ("as chosen", "1 in float", "rejected: NaN"),
        ("as chosen", "2 in float, 1 in INT8", "accepted"),
    ]


def test_the_linear_model_is_compared_with_the_teacher(results: Results) -> None:
    assert linear_control_figures(results) == "teacher 86.5 %, linear baseline 85.3 %, +1.2 pp (+0.1 to +2.3)"
    assert rows_of(linear_control(results), "86.5 %") == [
        ["85.3 %", "+1.2 pp (+0.1 to +2.3)", "3,472", "12,154", "6.3 s"]
    ]
    without = results.model_copy(update={"linear_control": None})
    assert (linear_control(without), linear_control_figures(without)) == ("", "")
