"""A stage is retried when it costs too much, and hands a new tokenizer on to everything that follows."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import Step
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.guard import Guard
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support.models import BAD, FILLER, GOOD, with_first_stage
from tests.support.recipes import run

TORCH = '[{ format = "torch" }]'
"""The export that costs least, where a test is not about exports."""


def test_a_stage_that_costs_too_much_is_weakened(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Guard.decide

    def strict(guard: Guard, step: Step, *rest: Any) -> Step:
        decided = decide(guard, step, *rest)
        if step.kind != "prune-heads":
            return decided
        return decided.model_copy(update={"decision": "accepted" if step.parameters["ratio"] <= 0.3 else "rolled-back"})

    monkeypatch.setattr(Guard, "decide", strict)
    recipe, root = built
    settings = {"stage": '[{ kind = "prune-heads", ratio = 0.8, calibration_rows = 32 }]', "guard__tries": "3"}
    manifest, heard = run(recipe, root, artifact=TORCH, **settings)
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
    _, heard = run(recipe, root, artifact=TORCH, **settings)
    assert heard.built == []
    assert (root / "manifest.json").read_text() == before
    monkeypatch.undo()
    manifest, heard = run(recipe, root, artifact=TORCH, **settings)
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
    decide = Guard.decide

    def strict(guard: Guard, step: Step, *rest: Any) -> Step:
        decided = decide(guard, step, *rest)
        if not step.kind.startswith("prune-"):
            return decided
        return decided.model_copy(update={"decision": "accepted" if step.parameters["spare"] else "rolled-back"})

    monkeypatch.setattr(Guard, "decide", strict)
    manifest, _ = run(*built, stage__0=stage, guard__tries="1", artifact=TORCH)
    step = manifest.steps[1]
    assert step.decision == "accepted"
    assert [one.accepted for one in step.tries][-1]
    assert len(step.tries[-1].spare) == 1
    kind = step.kind
    full = json.loads((built[1] / f"stages/01-{kind}/stage.json").read_text())
    assert full["decision"] == "rolled-back"
    assert len(full["tries"]) == len(step.tries)
    assert full["notes"][0].endswith("is what became of it")


def test_a_smaller_vocabulary_goes_with_its_tokenizer(built: tuple[Path, Path]) -> None:
    """Half the characters go: what comes after reads other ids, and is scored through the other tokenizer."""
    recipe_file, root = built
    with_first_stage(recipe_file, f'kind = "prune-vocab"\ntokens = {json.dumps(list(GOOD + BAD), ensure_ascii=False)}')
    manifest, _ = run(recipe_file, root)
    step = manifest.steps[1]
    assert step.decision == "accepted"
    assert "are tokenized differently; unknown tokens: 72.937 %" in step.remarks[0]
    tokenizers = {a.id: Tokenizer.from_file(str(root / a.tokenizer)) for a in manifest.artifacts}
    assert tokenizers["teacher-fp32.torch"].get_vocab_size() == 4 + len(set(GOOD + BAD + FILLER))
    for smaller in ("01-prune-vocab.torch", "02-distill.torch", "student-int8.onnx"):
        assert tokenizers[smaller].get_vocab_size() == 4 + len(GOOD + BAD)
    recipe = load_recipe(recipe_file)
    stages = {step.name: step for step in manifest.steps}
    for name in ("teacher-fp32.torch", "02-distill.torch", "student-fp32.onnx"):
        artifact = manifest.artifact(name)
        step = stages.get(artifact.made_from or "", stages["00-teacher"])
        with Progress() as progress:
            scores, _ = evaluate_file(root / artifact.path, recipe, "validation", progress)
        assert step.comparison is not None
        assert scores["accuracy"] == pytest.approx(step.comparison.value), name
    _, heard = run(recipe_file, root)
    assert heard.built == []


def test_a_mobilebert_may_lose_tokens(built: tuple[Path, Path]) -> None:
    student = '{ init = "random", architecture = "mobilebert", layers = 1, hidden = 32, heads = 2, intermediate = 32 }'
    recipe, root = built
    manifest, _ = run(
        with_first_stage(recipe, 'kind = "prune-vocab"'),
        root,
        stage__0=f'{{ kind = "distill", student = {student} }}',
        stage__1=f'{{ kind = "prune-vocab", tokens = {json.dumps(list(GOOD), ensure_ascii=False)} }}',
        guard__max_drop="0.9",
        artifact='[{ format = "onnx" }]',
    )
    assert [step.decision for step in manifest.steps if step.kind == "prune-vocab"] == ["accepted"]
    tokenizer = Tokenizer.from_file(str(root / manifest.artifact("student-fp32.onnx").tokenizer))
    assert tokenizer.get_vocab_size() == 4 + len(GOOD)
