"""The tables that a terminal shows: the steps and files of a build, and its plan."""

import re
from pathlib import Path

import pytest

from pocketbert.compress.manifest import Artifact, Comparison, Manifest, Step, TaskSpec, Try
from pocketbert.compress.pipeline.steps.plan import Planned
from pocketbert.compress.pipeline.summary import plan_table, summary

SCORE = Comparison(
    metric="accuracy", value=0.8511, reference=0.8549, drop=0.0038, low=-0.0012, high=0.0089, rows=900, confidence=0.95
)
WORSE = SCORE.model_copy(update={"drop": 0.011, "high": 0.016})
TRIED = Try(strength=0.5, comparison=None, accepted=False)


def manifest(*steps: Step) -> Manifest:
    task = TaskSpec(kind="classification", labels=["a", "b"], max_length=16, test="data/test.jsonl")
    described = {"runtime": "onnxruntime", "tokenizer": "ship/tokenizer.json"}
    ships = [
        Artifact(id=f"{name}.onnx", role="ship", path=f"ship/{name}/{name}.onnx", bytes=size, **described)
        for name, size in (("a", 12_340_000), ("b", 500_000))
    ]
    stage = Artifact(id="x", role="stage", path="stages/x", bytes=7, **described)
    return Manifest(
        schema=1, recipe="mine", task=task, reference="x", artifacts=[stage, *ships], steps=list(steps), confidence=0.95
    )


def test_steps_have_their_change_and_files_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    steps = [
        Step(
            name="00-teacher", kind="finetune", decision="reference", comparison=SCORE.model_copy(update={"drop": 0.0})
        ),
        Step(
            name="01-prune-heads", kind="prune-heads", decision="accepted", comparison=SCORE, tries=[TRIED], seconds=90
        ),
        Step(name="02-distill", kind="distill", decision="rolled-back", comparison=WORSE, unsettled=True),
        Step(name="03-prune-vocab", kind="prune-vocab", decision="accepted", comparison=SCORE, unsettled=True),
        Step(name="onnx-fp32", kind="artifact", decision="accepted", comparison=SCORE, unsettled=True),
        Step(name="coreml-int8", kind="artifact", decision="accepted", seconds=31),
    ]
    lines = [re.split("  +", line) for line in summary(manifest(*steps), tmp_path / "artifacts/mine").splitlines()]
    assert lines == [
        ["step", "accuracy", "change, pp (95 % CI)", "decision"],
        ["-" * 14, "-" * 10, "-" * 22, "-" * 29],
        ["00-teacher", "85.11 %", "reference"],
        ["01-prune-heads", "85.11 %", "-0.38 (-0.89 to +0.12)", "accepted, at a lower strength"],
        ["02-distill", "85.11 %", "-1.10 (-1.60 to +0.12)", "rolled back, inconclusive"],
        ["03-prune-vocab", "85.11 %", "-0.38 (-0.89 to +0.12)", "accepted, inconclusive"],  # a stage that flips nothing
        ["onnx-fp32", "85.11 %", "-0.38 (-0.89 to +0.12)", "accepted"],  # it repeats an earlier step: lossless
        ["coreml-int8", "accepted"],
        [""],
        ["file", "size"],
        ["-" * 28, "-" * 7],
        ["artifacts/mine/ship/a/a.onnx", "12.3 MB"],
        ["artifacts/mine/ship/b/b.onnx", "0.5 MB"],
        [""],
        ["made in 2 min, 31 s of them for the files (cached steps: when they were made)"],
        ["manifest: artifacts/mine/manifest.json"],
    ]


def test_a_plan_says_what_is_to_do_and_how_long_it_takes() -> None:
    cached = Planned("00-teacher", "", 900.0, False)
    changed = Planned("01-distill", "alpha: 1 -> 2", 600.0, False)
    new = Planned("onnx", "never built", 120.0, True)
    lines = plan_table([cached, changed, new]).splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["1", "00-teacher", "cached"],
        ["2", "01-distill", "to", "do", "10", "min", "alpha:", "1", "->", "2"],
        ["3", "onnx", "to", "do", "about", "2", "min", "never", "built"],
    ]
    assert lines[-2:] == [
        "to do: 2 of 3 steps, 12 min",
        '"about": estimated from the speed of the model on validation texts; the others are those of the last build',
    ]
    assert plan_table([new]).endswith('"about": estimated from the speed of the model on validation texts')
    assert plan_table([cached, changed]).endswith("to do: 1 of 2 steps, 10 min by the last build")
    assert plan_table([cached]).endswith("to do: 0 of 1 steps")
