"""Names of stages, steps and files. In --set a stage's is its kind, a file's is its format; numbers count from 0."""

import re
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe


def overridden(recipe: Path, **settings: str) -> Recipe:
    return load_recipe(recipe, {key.replace("__", "."): value for key, value in settings.items()})


def test_keys_of_tables(tiny_recipe: Path) -> None:
    recipe = overridden(tiny_recipe, guard__max_drop="0.02", name="other", task__limit__train="100")
    assert (recipe.guard.max_drop, recipe.name, recipe.task.limit) == (0.02, "other", {"train": 100})


@pytest.mark.parametrize("value", ["1.5 pp", '"1.5 pp"', "0.015", "1.5pp"])
def test_percentage_points(tiny_recipe: Path, value: str) -> None:
    assert overridden(tiny_recipe, guard__max_drop=value).guard.max_drop == 0.015


@pytest.mark.parametrize("key", ["stage.1.alpha", "distill.alpha", "distill.1.alpha", "stage.distill.alpha"])
def test_the_names_of_a_stage(tiny_recipe: Path, key: str) -> None:
    assert load_recipe(tiny_recipe, {key: "0.1"}).stages[1].model_dump()["alpha"] == 0.1


def test_a_table_of_a_stage(tiny_recipe: Path) -> None:
    assert overridden(tiny_recipe, distill__student__layers="1").stages[1].model_dump()["student"]["layers"] == 1


def test_the_second_stage_and_file_of_a_name(tiny_recipe: Path) -> None:
    text = tiny_recipe.read_text(encoding="utf-8").replace(
        "[[artifact]]", '[[stage]]\nkind = "distill"\nstudent = { layers = 1 }\n[[artifact]]', 1
    )
    tiny_recipe.write_text(text, encoding="utf-8")
    settings = {"distill.2.epochs": "7", "artifact.onnx.2.precision": "int4", "artifact.onnx.ort": "true"}
    recipe = load_recipe(tiny_recipe, settings)
    assert [stage.model_dump().get("epochs") for stage in recipe.stages] == [None, 1, 7]
    assert [(made.format, made.precision, made.ort) for made in recipe.artifacts] == [
        ("torch", "fp32", False),
        ("onnx", "fp32", True),
        ("onnx", "int4", False),
    ]


@pytest.mark.parametrize("key", ["stage.9.alpha", "stage.2", "stage.first.alpha", "seed.x", "prune-heads.ratio.x"])
def test_a_key_that_no_recipe_has(tiny_recipe: Path, key: str) -> None:
    with pytest.raises(BadInput, match=rf"^--set {re.escape(key)}: the recipe has no such key; name a stage by its"):
        load_recipe(tiny_recipe, {key: "0.1"})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("finetune.epochs", "the recipe has no stage finetune 1; it has only prune-heads, distill"),
        ("distill.2.epochs", "the recipe has no stage distill 2; it has 1 of this kind"),
        ("distill.0.epochs", "the recipe has no stage distill 0; it has 1 of this kind"),
        ("artifact.litert.precision", "the recipe has no artifact litert 1; it has only torch, onnx, onnx"),
        ("artifact.onnx.3.precision", "the recipe has no artifact onnx 3; it has 2 of this format"),
    ],
)
def test_a_stage_or_file_that_the_recipe_does_not_have(tiny_recipe: Path, key: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        load_recipe(tiny_recipe, {key: "1"})
    assert str(refused.value) == f"--set {key}: {said}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("prune-heads.ratio", "50", "ratio = 50: expected a number, more than 0 and less than 1"),
        ("distill.alpha", "7", "alpha = 7: expected a number, 0 to 1"),
        ("distill.student.layer", "7", "student.layer: unknown key, did you mean 'layers'?"),
        ("artifact.onnx.precision", "int9", 'precision = "int9": '),
        ("guard.max_drop", "five", 'guard.max_drop = "five": '),
        ("task.kind", "taging", "task.kind = \"taging\": unknown task, did you mean 'tagging'?"),
        ("seed", str(2**70), "seed: a whole number of more than 64 bits"),
    ],
)
def test_a_mistake_of_a_setting_is_not_blamed_on_the_file(tiny_recipe: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        load_recipe(tiny_recipe, {"guard.tries": "2", key: value})
    assert str(refused.value).startswith(f"--set {key}={value}: {said}")


def test_a_mistake_of_the_file_is_not_blamed_on_a_setting(tiny_recipe: Path) -> None:
    text = tiny_recipe.read_text(encoding="utf-8")
    tiny_recipe.write_text(text.replace("alpha = 0.5", "alpha = 7"), encoding="utf-8")
    with pytest.raises(BadInput, match=r": stage 2 \(distill\), line 18: alpha = 7: "):
        load_recipe(tiny_recipe, {"distill.epochs": "2"})


def test_a_mistake_of_several_keys_names_the_settings(tiny_recipe: Path) -> None:
    with pytest.raises(BadInput, match=r"line 14, with --set prune-heads\.heads=\{9=\[0\]\}: .*exactly one of heads"):
        load_recipe(tiny_recipe, {"prune-heads.heads": "{9=[0]}", "guard.tries": "2"})


@pytest.mark.parametrize(
    ("key", "meant"), [("distil.epochs", "distill"), ("gaurd.tries", "guard"), ("artefact.onnx.ort", "artifact")]
)
def test_the_nearest_name_is_suggested(tiny_recipe: Path, key: str, meant: str) -> None:
    unknown = key.partition(".")[0]
    with pytest.raises(BadInput, match=rf"^--set {key}: unknown key '{unknown}', did you mean '{meant}'\?"):
        load_recipe(tiny_recipe, {key: "2"})


@pytest.mark.parametrize("value", ["[" * 100_000, "7" * 5000, "\0", "\ud800", "a" * 5000])
def test_a_setting_that_no_recipe_has_is_one_line(tiny_recipe: Path, value: str) -> None:
    for key in ("task.max_length", "stage.0", "stage", "name", "distill", "artifact.onnx", value):
        with pytest.raises(BadInput) as refused:
            load_recipe(tiny_recipe, {key: value})
        assert len(str(refused.value)) <= 500 and str(refused.value).isprintable()


def test_the_steps_of_a_build_have_their_names_in_the_recipe(tiny_recipe: Path) -> None:
    text = tiny_recipe.read_text(encoding="utf-8")
    tiny_recipe.write_text(f'{text}[[artifact]]\nformat = "onnx-qdq"\nprecision = "int8"\nlengths = [8, 16]\n')
    assert load_recipe(tiny_recipe).steps == [
        *("00-teacher", "01-prune-heads", "02-distill", "torch-fp32", "onnx-fp32", "onnx-int8"),
        *("onnx-qdq-int8-16", "onnx-qdq-int8-8"),
    ]


def test_files_of_other_lengths_have_other_names(tiny_recipe: Path) -> None:
    text = tiny_recipe.read_text(encoding="utf-8")
    tables = "".join(f'[[artifact]]\nformat = "litert"\nlengths = {lengths}\n' for lengths in ([16], [32], [16, 32]))
    tiny_recipe.write_text(f"{text}{tables}", encoding="utf-8")
    files = [artifact.file for artifact in load_recipe(tiny_recipe).artifacts]
    assert files[-3:] == ["student-fp32-16.tflite", "student-fp32-32.tflite", "student-fp32.tflite"]
    tiny_recipe.write_text(f'{text}{tables}[[artifact]]\nformat = "litert"\nlengths = [8, 16]\n', encoding="utf-8")
    with pytest.raises(BadInput, match="artifact: litert-fp32 is listed twice; remove one"):
        load_recipe(tiny_recipe)


def test_a_recipe_is_found_by_its_name(tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    tiny_recipe.rename("recipes/tiny.toml")
    (tmp_path / "tiny").mkdir()
    assert load_recipe(Path("tiny")).name == "tiny"
    with pytest.raises(BadInput, match=r"recipes/tony\.toml: no such recipe, did you mean 'tiny'\?"):
        load_recipe(Path("tony"))
    with pytest.raises(BadInput, match=r"^elsewhere/tony: no such recipe, did you mean 'tiny'\?"):
        load_recipe(Path("elsewhere/tony"))
    Path("recipes/tiny.toml").unlink()
    for given in ("tony", "elsewhere/tony.toml"):
        with pytest.raises(BadInput, match=r"tony\.toml: no such recipe; pocketbert init NAME .* writes one$"):
            load_recipe(Path(given))
