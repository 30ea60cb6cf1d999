"""The tables of docs/runtimes.md on made-up numbers, and the way to them on a model that takes no time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import FORMATS, Format
from pocketbert.compress.manifest import Comparison, Manifest, Parity, Step, TaskSpec
from studies.runtimes import speed as runtimes
from studies.runtimes.roofline import Peaks, peaks
from studies.runtimes.tables import RELU, TEACHER, Measured, answers, chain, precisions, roofline, seconds
from tests.support.pages import table_of


def measured(name: str, ms: float, megabytes: float, spent: float = 1.0) -> Measured:
    format_, _, precision = name.partition("-")
    samples = [np.full(9, ms * (1 + 0.001 * number)) for number in range(5)]
    macs = 10**9 if name == TEACHER else 10**8
    return Measured(name, format_, precision or "fp32", Path(name), int(megabytes * 1e6), macs, spent, samples)


EVERY = {
    made.name: made
    for made in (
        measured("torch-fp32", 30, 36),
        measured("onnx-fp32", 15, 36),
        measured("onnx-int8", 7.5, 9, spent=3.0),
        measured("onnx-int4", 8, 5),
        replace(measured("executorch-fp32", 20, 36), samples=(), missing="not run here"),
        replace(measured("executorch-int8", 10, 20), samples=(), missing="not run here"),
        measured(TEACHER, 360, 410),
    )
}


def test_each_step_is_held_against_the_one_before_and_the_last_against_the_first() -> None:
    shown = table_of(chain(EVERY))
    assert [row[1:] for row in shown] == [
        ["360.7", "410.0", "", ""],
        ["30.1", "36.0", "12.00 (12.00 to 12.00)", "11.4"],
        ["15.0", "36.0", "2.00 (2.00 to 2.00)", "1.0"],
        ["7.5", "9.0", "2.00 (2.00 to 2.00)", "4.0"],
        ["", "", "**48.00 (48.00 to 48.00)**", "**45.6**"],
    ]


def test_the_chain_ends_with_what_was_timed() -> None:
    every = EVERY | {"litert-int8": measured("litert-int8", 5, 9), "litert-int4": measured("litert-int4", 6, 5)}
    assert [row[1:] for row in table_of(chain(every))[-3:]] == [
        ["5.0", "9.0", "1.50 (1.50 to 1.50)", "1.0"],
        ["6.0", "5.0", "0.83 (0.83 to 0.83)", "1.8"],
        ["", "", "**60.00 (60.00 to 60.00)**", "**82.0**"],
    ]
    with_relu = every | {f"litert-int4{RELU}": measured("litert-int4", 4, 5)}
    assert table_of(chain(with_relu))[-1][3] == "**90.00 (90.00 to 90.00)**"


def test_a_precision_is_held_against_its_own_format_and_the_teacher() -> None:
    assert table_of(precisions(EVERY)) == [
        ["onnx-int8", "2.00 (2.00 to 2.00)", "4.0", "48.00 (48.00 to 48.00)", "45.6"],
        ["onnx-int4", "1.88 (1.88 to 1.88)", "7.2", "45.00 (45.00 to 45.00)", "82.0"],
        ["executorch-int8", "not run here", "1.8", "not run here", "20.5"],
    ]


def test_a_student_with_relu_is_in_every_table_but_that_of_exports() -> None:
    every = EVERY | {f"onnx-int4{RELU}": replace(measured("onnx-int4", 7, 5), name=f"onnx-int4{RELU}")}
    assert seconds(every) == seconds(EVERY)
    assert f"onnx-int4{RELU}" in precisions(every)
    assert f"onnx-int4{RELU}" in roofline(every, Peaks(fp32=1e11, int8=4e11))


def test_the_limit_is_the_peak_of_the_precision() -> None:
    shown = roofline(EVERY, Peaks(fp32=1e11, int8=4e11))
    assert shown.startswith("One thread multiplies 100 GFLOP/s in FP32 and 400 GOP/s in INT8.")
    found = {row[0]: row[1:] for row in table_of(shown)}
    assert found["onnx-fp32"] == ["15.03", "2.00", "13 %", "7.51"]
    assert found["onnx-int8"] == ["7.51", "0.50", "7 %", "15.03"]
    assert found["onnx-int4"] == ["8.02", "0.50", "6 %", "16.03"]
    assert found[TEACHER] == ["360.72", "20.00", "6 %", "18.04"]
    assert found["executorch-int8"] == ["not run here", "", "", ""]


def test_exports_are_added_up_without_the_teacher() -> None:
    assert table_of(seconds(EVERY))[2:] == [
        ["onnx-int8", "3.0"], ["onnx-int4", "1.0"], ["executorch-fp32", "1.0"], ["executorch-int8", "1.0"],
        ["**all**", "**8.0**"],
    ]  # fmt: skip


def test_answers_are_the_manifests() -> None:
    def step(precision: str, drop: float, agreement: float) -> Step:
        comparison = Comparison(
            metric="accuracy", value=0.8, reference=0.8 + drop, drop=drop, low=0, high=0, rows=9, confidence=0.95
        )
        parity = Parity(max_abs_logit=0, label_agreement=agreement, rows=1737)
        return Step(
            name=f"onnx-{precision}", kind="artifact", decision="accepted", comparison=comparison, parity=parity
        )

    manifest = Manifest(
        schema=1,
        recipe="r",
        task=TaskSpec(kind="classification", labels=["a", "b"], max_length=9, test="t"),
        reference="teacher",
        artifacts=[],
        steps=[step("fp32", 0.002, 1.0), step("int8", 0.0045, 0.9948)],
    )
    assert table_of(answers(manifest)) == [
        ["onnx-fp32", "100.00 % of 1,737", "+0.00", "accepted"],
        ["onnx-int8", "99.48 % of 1,737", "−0.25", "accepted"],
    ]
    assert (
        answers(None) == answers(manifest.model_copy(update={"steps": []})) == "Not measured: no built recipe at hand."
    )


def test_a_machine_multiplies_whole_numbers_at_all() -> None:
    found = peaks()
    assert found.fp32 > 1e8
    assert found.int8 > 1e8


@pytest.fixture
def formats() -> Iterator[dict[str, Format]]:
    """The table of formats, restored afterwards in its order, which messages show."""
    before = dict(FORMATS)
    yield FORMATS
    FORMATS.clear()
    FORMATS.update(before)


def test_every_format_is_exported_and_those_that_run_here_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formats: dict[str, Format]
) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=13_000, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    monkeypatch.setattr(runtimes, "_SETS", 2)
    monkeypatch.setattr(runtimes, "_RUNS", 3)
    onnx = formats["onnx"]
    fp32 = {"fp32": onnx.precisions["fp32"]}
    formats.clear()
    formats |= {"onnx": onnx._replace(precisions=fp32), "onnxish": Format("none", "x", fp32)}
    progress = Progress()
    made = {one.name: one for one in runtimes.exports(BertForSequenceClassification(config).eval(), tmp_path, progress)}
    assert list(made) == ["onnx-fp32"], "a format whose exporter is not there is left out"
    unknown = replace(made["onnx-fp32"], name="onnxish-fp32", format="onnxish")
    found = runtimes.timed({**made, unknown.name: unknown}, progress)
    assert [len(samples) for samples in found["onnx-fp32"].samples] == [3, 3]
    assert found["onnx-fp32"].bytes == (tmp_path / "student-fp32.onnx").stat().st_size
    assert (found["onnxish-fp32"].samples, found["onnxish-fp32"].missing) == ((), "not run here")
