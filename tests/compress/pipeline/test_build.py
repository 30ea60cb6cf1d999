"""Whole builds of the tiny recipe: finished steps are kept, killed builds resume, rejected steps do not ship."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Step
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.guard import Guard, GuardStopped
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.checkpoint import Asked, export_checkpoint
from pocketbert.compress.pipeline.steps import teacher as step
from pocketbert.compress.training.trainer import _last_checkpoint
from tests.support import REPO
from tests.support.recipes import run


def test_second_build_does_nothing(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "load_teacher", lambda *_, **__: pytest.fail("the teacher was loaded again"))
    before = (built[1] / "manifest.json").read_text()
    _, heard = run(*built)
    assert heard.built == []
    assert (built[1] / "manifest.json").read_text() == before


def test_a_rejected_stage_does_not_ship_and_may_stop_the_build(built: tuple[Path, Path]) -> None:
    overrides = {"guard__max_drop": "0.02", "stage__1__learning_rate": "0.1"}
    record = built[1] / "stages/02-distill/stage.json"
    with pytest.raises(GuardStopped, match=r"02-distill: .*: rolled-back"):
        run(*built, guard__on_fail="stop", **overrides)
    assert '"rolled-back"' in record.read_text()
    assert not (built[1] / "manifest.json").exists()
    manifest, _ = run(*built, **overrides)
    decisions = {step.name: step.decision for step in manifest.steps}
    assert decisions["02-distill"] == "rolled-back"
    assert manifest.artifact("student-int8.onnx").made_from == "01-prune-heads"
    assert "02-distill.torch" not in [a.id for a in manifest.artifacts]
    assert '"rolled-back"' in record.read_text()


def test_a_stage_that_is_undone_does_not_fail_the_next_one(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target counts on the layers that the first stage should have removed, and so do the numbers of the heads."""
    decide = Guard.decide

    def undo(guard: Guard, step: Step, *rest: Any) -> Step:
        decision = "rolled-back" if step.kind == "prune-layers" else "accepted"
        return decide(guard, step, *rest).model_copy(update={"decision": decision})

    monkeypatch.setattr(Guard, "decide", undo)
    stages = (
        '[{ kind = "prune-layers", layers = [0, 1] }, { kind = "prune-ffn", target_macs = 0.4 }, '
        '{ kind = "prune-heads", heads = { 1 = [0] } }]'
    )
    manifest, _ = run(*built, stage=stages, artifact='[{ format = "torch" }]', guard__on_fail="rollback")
    steps = {step.name: step for step in manifest.steps}
    assert [steps[name].decision for name in ("01-prune-layers", "02-prune-ffn")] == ["rolled-back", "accepted"]
    assert any(remark.startswith("target_macs = 0.4 is not reached: ") for remark in steps["02-prune-ffn"].remarks)
    [told] = [remark for remark in steps["03-prune-heads"].remarks if remark.startswith("the layers that this stage")]
    assert told.endswith("may be others than the recipe means: 01-prune-layers was undone or has a lower strength")


def test_a_build_leaves_the_unfinished_training_of_another_recipe(built: tuple[Path, Path]) -> None:
    training = built[1] / ".scratch/02-distill-0123456789ab/training"
    training.mkdir(parents=True)
    run(*built)
    assert training.is_dir()


def test_a_static_student_ships(built: tuple[Path, Path]) -> None:
    """Every step that looks at a model: vocabulary pruning, files in every precision, the record of sizes."""
    recipe = built[0]
    words = recipe.read_text(encoding="utf-8").replace('init = "teacher-layers", layers = 2', 'architecture = "static"')
    vocabulary = '[[stage]]\nkind = "prune-vocab"\n[[artifact]]\nformat = "onnx"\nprecision = "int4"\n'
    recipe.write_text(f"{words}{vocabulary}", encoding="utf-8")
    manifest, _ = run(*built, stage__1__epochs="3", stage__1__learning_rate="0.03")
    steps = {step.name: step for step in manifest.steps}
    distilled, ships = steps["02-distill"], [a for a in manifest.artifacts if a.role == "ship"]
    assert distilled.measured["encoder_macs_128"] == 0
    assert distilled.comparison is not None and distilled.comparison.value > 0.9, "good and bad characters decide"
    assert len(ships) == 4
    assert {a.made_from for a in ships} == {"03-prune-vocab"}
    folder = built[1] / "stages/03-prune-vocab"
    for file in (folder / "tokenizer").iterdir():
        shutil.copy(file, folder / "model")
    out = built[1].with_name("alone.onnx")
    export_checkpoint(str(folder / "model"), "onnx", "int8", out, Asked(), Progress())
    assert out.read_bytes() == (built[1] / "ship/onnx-int8/student-int8.onnx").read_bytes()


def test_two_builds_in_one_folder_are_refused(tiny_recipe: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    with (
        FileLock(tmp_path / ".tiny.lock"),
        pytest.raises(BadInput, match="another build or a gate run is working there; wait"),
    ):
        run(tiny_recipe, tmp_path / "tiny")


@pytest.mark.slow
def test_killed_build_resumes_inside_distillation(built: tuple[Path, Path]) -> None:
    script = (
        "import sys, pocketbert.compress.training.trainer as t; t._SAVE_EVERY = 0.0\n"
        "from pathlib import Path; from pocketbert.compress.pipeline.build import build\n"
        "from pocketbert.compress.base.progress import Progress\n"
        "from pocketbert.compress.pipeline.recipe import load_recipe\n"
        "recipe = load_recipe(Path(sys.argv[1]), {'stage.1.epochs': '4'})\n"
        "with Progress() as progress: build(recipe, Path(sys.argv[2]), 'k', progress)"
    )
    recipe, root = built
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(recipe), str(root)],
        env=os.environ | {"PYTHONPATH": str(REPO)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(root.glob(".scratch/02-distill-*/training/checkpoint-*/trainer_state.json")):
        assert child.poll() is None, "the build ended before it could be killed"
        assert time.monotonic() < deadline, "no checkpoint inside distillation"
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    [training] = root.glob(".scratch/02-distill-*/training")
    whole = _last_checkpoint(training)
    assert whole is not None
    checkpoint = int(whole.split("-")[-1])
    _, heard = run(recipe, root, stage__1__epochs="4")
    assert heard.built[0] == "02-distill", "finished stages were made again"
    assert heard.advances["distilling into 2 layers"][0] == checkpoint, "distillation began at its first step"
    assert not list(root.glob(".scratch/*"))


def test_fresh_deletes_the_results_of_earlier_builds(tiny_recipe: Path, tmp_path: Path) -> None:
    old = tmp_path / "tiny/stages/00-teacher"
    old.mkdir(parents=True)
    (old / "stage.json").touch()
    (tmp_path / "tiny/notes.txt").touch()
    (tmp_path / "empty").mkdir()
    recipe = load_recipe(tiny_recipe, {"task.dataset": str(tmp_path / "empty")})
    for fresh in (False, True):
        with pytest.raises(BadInput), Progress() as progress:
            build(recipe, tmp_path / "tiny", "", progress, fresh)
        assert old.exists() != fresh
    assert (tmp_path / "tiny/notes.txt").exists()


def test_a_runtime_that_is_not_installed_is_named_before_anything_is_made(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketbert.compress.runtimes.find_spec", lambda name: None if name == "onnxruntime" else name)
    with (
        pytest.raises(BadInput, match="'onnxruntime' is not installed: pip install onnxruntime"),
        Progress() as progress,
    ):
        build(load_recipe(tiny_recipe), tmp_path / "built", "", progress)
    assert not (tmp_path / "built").exists()
