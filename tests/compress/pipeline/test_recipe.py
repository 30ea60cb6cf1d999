"""Every complaint about a recipe names the file, the key and what is legal, in one line."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support import REPO

RECIPES = sorted((REPO / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path).name == path.stem


def broken(path: Path, old: str, new: str) -> str:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as complaint:
        load_recipe(path)
    assert str(path) in str(complaint.value)
    assert "\n" not in str(complaint.value)
    return str(complaint.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "distill"', 'kind = "distil"', "stage.1.kind: unknown stage 'distil', did you mean 'distill'?"),
        ("alpha =", "alpa =", "did you mean 'alpha'?"),
        ("max_drop", "maxdrop", "guard.maxdrop: unknown key, did you mean 'max_drop'?"),
        ("seed = 3", "sede = 3", "sede: unknown key, did you mean 'seed'?"),
        ("[task]", "[tusk]", "tusk: unknown key, did you mean 'task'?"),
        ("[[stage]]", "[[stag]]", "stag: unknown key, did you mean 'stage'?"),
        (
            "[task]",
            "[task]\nsplits = { dev = 'train' }",
            "task.splits.dev: Input should be 'train', 'validation', 'test'",
        ),
        ("max_length = 16", "max_length = 4", "task.max_length"),
        ('format = "onnx"', 'format = "onx"', "did you mean 'onnx'?"),
        (
            'precision = "int8"',
            'precision = "int4"',
            "artifact.2.precision: legal for onnx: fp32, fp16, int8, found 'int4'",
        ),
        ('format = "onnx"', 'format = "coreml"', "precision: legal for coreml: fp16, int8, found 'fp32'"),
        ("ratio = 0.25", "", "(prune-heads): give exactly one of heads"),
        ("[[stage]]", "[[stages]]", "stages: unknown key, did you mean 'stage'?"),
        ('precision = "int8"', 'precision = "fp32"', "onnx-fp32 stands there twice"),
        ("layers = 2", "layrs = 2", "did you mean 'layers'?"),
        ("dataset =", "datset =", "task.datset: unknown key, did you mean 'dataset'?"),
        ("dataset =", "# dataset =", "task.dataset: is missing"),
        ("seed = 3", "seed = 20250101123456", "seed: Input should be less than 4294967296"),
        (
            "[teacher]",
            "[teacher]\ngradient_accumulation_steps = 5",
            "accumulation steps on 1 processes: a multiple of 5",
        ),
        (
            "alpha =",
            "gradient_accumulation_steps = 5\nalpha =",
            "legal in 5 accumulation steps on 1 processes: a multiple of 5",
        ),
    ],
)
def test_complaints(tiny_recipe: Path, old: str, new: str, said: str) -> None:
    assert said in broken(tiny_recipe, old, new)


SPARSIFY = '[[stage]]\nkind = "sparsify"\namount = 0.5\n'


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        ('kind = "distill"\nstudent = { init = "current" }', "distill"),
        ('kind = "finetune"', "finetune"),
        ('kind = "prune-heads"\nratio = 0.5\nrecover = {}', "prune-heads"),
        ('kind = "prune-vocab"', "prune-vocab"),
    ],
)
def test_nothing_else_comes_after_zeros(tiny_recipe: Path, stage: str, kind: str) -> None:
    new = f'{SPARSIFY}[[stage]]\n{stage}\n[[artifact]]\nformat = "torch"'
    assert f"stage.3 ({kind}): comes after sparsify" in broken(tiny_recipe, '[[artifact]]\nformat = "torch"', new)


def test_more_zeros_may_follow_zeros(tiny_recipe: Path) -> None:
    again = '[[stage]]\nkind = "sparsify"\namount = 0.7\nrecover = {}\n'
    text = tiny_recipe.read_text(encoding="utf-8")
    tiny_recipe.write_text(text.replace("[[artifact]]", f"{SPARSIFY}{again}[[artifact]]", 1), encoding="utf-8")
    assert [stage.kind for stage in load_recipe(tiny_recipe).stages][2:] == ["sparsify", "sparsify"]


def test_not_toml_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(BadInput, match="not TOML"):
        load_recipe(path)


def test_overrides(tiny_recipe: Path) -> None:
    recipe = load_recipe(tiny_recipe, {"guard.max_drop": "0.02", "stage.1.alpha": "0.1", "name": "other"})
    assert recipe.guard.max_drop == 0.02
    assert recipe.stages[1].model_dump()["alpha"] == 0.1
    assert recipe.name == "other"
    with pytest.raises(BadInput, match=r"stage\.9"):
        load_recipe(tiny_recipe, {"stage.9.alpha": "0.1"})
