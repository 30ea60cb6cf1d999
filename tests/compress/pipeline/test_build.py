"""The pipeline on a tiny model: cache, resume, rollback, and what it writes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Step, load_manifest
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.guard import Guard, GuardStopped
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps import teacher as step
from pocketbert.compress.training.trainer import _last_checkpoint
from tests.support import REPO
from tests.support.models import BAD, FILLER, GOOD, with_first_stage
from tests.support.recipes import run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_data: Path) -> tuple[Path, Path]:
    """A recipe and the folder it was built into."""
    from tests.support.models import RECIPE

    folder = tmp_path_factory.mktemp("built")
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE.format(model=tiny_model, data=tiny_data), encoding="utf-8")
    run(recipe, folder / "artifacts/tiny")
    return recipe, folder / "artifacts/tiny"


def test_manifest_lists_reference_stages_and_ships(built: tuple[Path, Path]) -> None:
    manifest = load_manifest(built[1] / "manifest.json")
    assert [(a.role, a.id) for a in manifest.artifacts] == [
        ("reference", "teacher-fp32.torch"),
        ("stage", "01-prune-heads.torch"),
        ("stage", "02-distill.torch"),
        ("ship", "student-fp32.torch"),
        ("ship", "student-fp32.onnx"),
        ("ship", "student-int8.onnx"),
    ]
    teacher, student = manifest.artifacts[0], manifest.artifacts[-1]
    assert student.parameters is not None and teacher.parameters is not None
    assert student.parameters < teacher.parameters
    assert student.macs is not None and teacher.macs is not None
    assert student.macs < 0.55 * teacher.macs  # half the layers; which heads are gone decides the rest
    assert manifest.artifacts[4].parity is not None
    assert manifest.artifacts[4].parity.max_abs_logit < 1e-4


def test_second_build_does_nothing(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "load_teacher", lambda *_, **__: pytest.fail("the teacher was loaded again"))
    before = (built[1] / "manifest.json").read_text()
    _, heard = run(*built)
    assert heard.built == []
    assert (built[1] / "manifest.json").read_text() == before


def test_changed_parameter_rebuilds_from_that_step_on(built: tuple[Path, Path]) -> None:
    _, heard = run(*built, stage__1__temperature="3.0")
    assert heard.built == ["02-distill", "torch-fp32", "onnx-fp32", "onnx-int8"]
    assert "the teacher answers the training rows" not in heard.advances, "the teacher was asked again"
    assert any("the teacher answered 240 inputs once, before, in" in line for line in heard.lines)
    _, heard = run(*built, stage__0__ratio="0.5")
    assert heard.built[0] == "01-prune-heads"


def test_damaged_file_is_made_again(built: tuple[Path, Path]) -> None:
    run(*built)
    (built[1] / "ship/onnx-int8/student-int8.onnx").write_bytes(b"cut short")
    _, heard = run(*built)
    assert heard.built == ["onnx-int8"]
    load_manifest(built[1] / "manifest.json")


def test_killed_between_making_and_moving(built: tuple[Path, Path]) -> None:
    run(*built)
    folder = built[1] / "stages/02-distill"
    scratch = built[1] / ".scratch" / f"02-distill-{json.loads((folder / 'stage.json').read_text())['key'][:12]}"
    scratch.mkdir(parents=True)
    folder.rename(scratch / "out")
    _, heard = run(*built)
    assert "distilling into 2 layers" not in heard.advances, "it was trained again"


def test_a_mobilebert_may_lose_tokens(tiny_recipe: Path, tmp_path: Path) -> None:
    student = '{ init = "random", architecture = "mobilebert", layers = 1, hidden = 32, heads = 2, intermediate = 32 }'
    manifest, _ = run(
        with_first_stage(tiny_recipe, 'kind = "prune-vocab"'),
        tmp_path / "tiny",
        stage__0=f'{{ kind = "distill", student = {student} }}',
        stage__1=f'{{ kind = "prune-vocab", tokens = {json.dumps(list(GOOD), ensure_ascii=False)} }}',
        guard__max_drop="0.9",
    )
    assert [step.decision for step in manifest.steps if step.kind == "prune-vocab"] == ["accepted"]
    tokenizer = Tokenizer.from_file(str(tmp_path / "tiny" / manifest.artifact("student-fp32.onnx").tokenizer))
    assert tokenizer.get_vocab_size() == 4 + len(GOOD)


def test_guard_change_trains_nothing(built: tuple[Path, Path]) -> None:
    run(*built)
    _, heard = run(*built, guard__max_drop="0.4")
    assert heard.built == []


def test_rejected_distillation_ships_the_model_before_it(tiny_recipe: Path, tmp_path: Path) -> None:
    overrides = {"guard__max_drop": "0.02", "stage__1__learning_rate": "0.1"}
    manifest, _ = run(tiny_recipe, tmp_path / "tiny", **overrides)
    decisions = {step.name: step.decision for step in manifest.steps}
    assert decisions["02-distill"] == "rolled-back"
    assert manifest.artifact("student-int8.onnx").made_from == "01-prune-heads"
    assert "02-distill.torch" not in [a.id for a in manifest.artifacts]
    assert '"rolled-back"' in (tmp_path / "tiny/stages/02-distill/stage.json").read_text()


def test_guard_may_stop_the_build(tiny_recipe: Path, tmp_path: Path) -> None:
    overrides = {"guard__max_drop": "0.02", "guard__on_fail": "stop", "stage__1__learning_rate": "0.1"}
    with pytest.raises(GuardStopped, match="02-distill"):
        run(tiny_recipe, tmp_path / "tiny", **overrides)
    assert '"rolled-back"' in (tmp_path / "tiny/stages/02-distill/stage.json").read_text()
    assert not (tmp_path / "tiny/manifest.json").exists()


def test_two_builds_in_one_folder_are_refused(tiny_recipe: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".tiny.lock"), pytest.raises(BadInput, match="another build"):
        run(tiny_recipe, tmp_path / "tiny")


def test_killed_build_resumes_inside_distillation(tiny_recipe: Path, tmp_path: Path) -> None:
    script = (
        "import sys, pocketbert.compress.training.trainer as t; t._SAVE_EVERY = 0.0\n"
        "from pathlib import Path; from pocketbert.compress.pipeline.build import build\n"
        "from pocketbert.compress.base.progress import Progress\n"
        "from pocketbert.compress.pipeline.recipe import load_recipe\n"
        "recipe = load_recipe(Path(sys.argv[1]), {'stage.1.epochs': '8'})\n"
        "with Progress() as progress: build(recipe, Path(sys.argv[2]), 'k', progress)"
    )
    root = tmp_path / "tiny"
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tiny_recipe), str(root)],
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
    _, heard = run(tiny_recipe, root, stage__1__epochs="8")
    assert heard.built[0] == "02-distill", "finished stages were made again"
    assert heard.advances["distilling into 2 layers"][0] == checkpoint, "distillation began at its first step"
    assert not list(root.glob(".scratch/*"))


def test_a_smaller_vocabulary_goes_with_its_tokenizer(tiny_recipe: Path, tmp_path: Path) -> None:
    """Half the characters go: what comes after reads other ids, and is scored through the other tokenizer."""
    with_first_stage(tiny_recipe, f'kind = "prune-vocab"\ntokens = {json.dumps(list(GOOD + BAD), ensure_ascii=False)}')
    root = tmp_path / "tiny"
    manifest, _ = run(tiny_recipe, root)
    step = manifest.steps[1]
    assert step.decision == "accepted"
    assert "are cut otherwise; unknown tokens in the validation texts" in step.remarks[0]
    tokenizers = {a.id: Tokenizer.from_file(str(root / a.tokenizer)) for a in manifest.artifacts}
    assert tokenizers["teacher-fp32.torch"].get_vocab_size() == 4 + len(set(GOOD + BAD + FILLER))
    for smaller in ("01-prune-vocab.torch", "02-distill.torch", "student-int8.onnx"):
        assert tokenizers[smaller].get_vocab_size() == 4 + len(GOOD + BAD)
    recipe = load_recipe(tiny_recipe)
    stages = {step.name: step for step in manifest.steps}
    for name in ("teacher-fp32.torch", "02-distill.torch", "student-fp32.onnx"):
        artifact = manifest.artifact(name)
        step = stages.get(artifact.made_from or "", stages["00-teacher"])
        with Progress() as progress:
            scores, _ = evaluate_file(root / artifact.path, recipe, "validation", progress)
        assert step.comparison is not None
        assert scores["accuracy"] == pytest.approx(step.comparison.value), name
    _, heard = run(tiny_recipe, root)
    assert heard.built == []


def test_a_stage_that_costs_too_much_is_weakened(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Guard.judge

    def strict(guard: Guard, step: Step, *rest: Any) -> Step:
        judged = judge(guard, step, *rest)
        if step.kind != "prune-heads":
            return judged
        return judged.model_copy(update={"decision": "accepted" if step.parameters["ratio"] <= 0.3 else "rolled-back"})

    monkeypatch.setattr(Guard, "judge", strict)
    root = tmp_path / "tiny"
    manifest, heard = run(tiny_recipe, root, stage__0__ratio="0.8", guard__tries="3")
    step = manifest.steps[1]
    assert [(one.strength, one.accepted) for one in step.tries] == [
        (0.8, False),
        (0.4, False),
        (0.2, True),
        (0.3, True),
    ]
    assert step.decision == "accepted"
    assert step.parameters["ratio"] == 0.3
    [pruned] = [a for a in manifest.artifacts if a.id == "01-prune-heads.torch"]
    written = json.loads((root / pruned.path).parent.joinpath("stage.json").read_text())
    assert len(written["tries"]) == 4, "what was tried does not stand beside the model"
    assert json.loads((root / pruned.path / "config.json").read_text())["layer_heads"] != [4, 4, 4, 4]
    assert heard.advances["scoring heads and neurons"], "nothing was scored"
    assert any("after 4 tries" in line for line in heard.lines)
    before = (root / "manifest.json").read_text()
    _, heard = run(tiny_recipe, root, stage__0__ratio="0.8", guard__tries="3")
    assert heard.built == []
    assert (root / "manifest.json").read_text() == before
    monkeypatch.undo()
    manifest, heard = run(tiny_recipe, root, stage__0__ratio="0.8", guard__tries="3")
    assert manifest.steps[1].tries == [], "another rule accepts it as it is"
    assert "01-prune-heads" not in heard.built


@pytest.mark.parametrize(
    "stage",
    [
        '{ kind = "prune-width", ratio = 0.5, calibration_rows = 8 }',
        '{ kind = "prune-layers", ratio = 0.5, calibration_rows = 8 }',
        '{ kind = "prune-heads", heads = { 0 = [0], 2 = [1, 2] }, calibration_rows = 8 }',
    ],
)
def test_the_costliest_layer_is_given_back(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Through the stages' own scores; a guard that accepts nothing else."""
    judge = Guard.judge

    def strict(guard: Guard, step: Step, *rest: Any) -> Step:
        judged = judge(guard, step, *rest)
        if not step.kind.startswith("prune-"):
            return judged
        return judged.model_copy(update={"decision": "accepted" if step.parameters["spare"] else "rolled-back"})

    monkeypatch.setattr(Guard, "judge", strict)
    manifest, _ = run(*built, stage__0=stage, guard__tries="1")
    step = manifest.steps[1]
    assert step.decision == "accepted"
    assert [one.accepted for one in step.tries][-1]
    assert len(step.tries[-1].spare) == 1
    kind = step.kind
    full = json.loads((built[1] / f"stages/01-{kind}/stage.json").read_text())
    assert full["decision"] == "rolled-back"
    assert len(full["tries"]) == len(step.tries)
    assert full["notes"][0].endswith("is what became of it")


def test_a_choice_is_checked_against_the_model_it_is_for(built: tuple[Path, Path]) -> None:
    """The teacher is cached, and two layers of four have gone before."""
    with pytest.raises(BadInput, match="there is no layer 9"):
        run(*built, stage__0='{ kind = "prune-layers", layers = [9] }')
    twice = '{ kind = "prune-layers", layers = [0, 1] }'
    with pytest.raises(BadInput, match="all 2 layers would go"):
        run(*built, stage__0=twice, stage__1=twice)


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
