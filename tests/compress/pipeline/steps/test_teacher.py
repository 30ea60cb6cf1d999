"""What the recipe and the teacher alone show to be wrong is said before anything is trained."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from torch import Tensor

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.models.pretrained import load_teacher
from pocketbert.compress.pipeline.build import build, fine_tuned
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.teacher import check_stages
from tests.support.models import Heard, with_first_stage, write_tiny_model
from tests.support.recipes import run
from tests.support.tokenizers import save_wordpiece


def test_head_that_does_not_exist_is_named_before_training(tiny_recipe: Path, tmp_path: Path) -> None:
    text = tiny_recipe.read_text(encoding="utf-8").replace("ratio = 0.25", "heads = { 7 = [0] }")
    tiny_recipe.write_text(text, encoding="utf-8")
    with Heard() as heard, pytest.raises(BadInput, match="there is no layer 7"):
        build(load_recipe(tiny_recipe), tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (
            ['kind = "distill"\nstudent = { layers = 2 }\nalign = [{ teacher = 4, student = 0, feature = "hidden" }]'],
            "stage 1 (distill): hidden: the teacher has no layer 4; allowed: 0 to 3",
        ),
        (
            ['kind = "distill"\npreset = "tinybert"\nstudent = { layers = 2, heads = 2, hidden = 16 }'],
            "attention: layer 0 of the student has 2 heads, layer 1 of the teacher 4",
        ),
        (
            ['kind = "prune-heads"\nratio = 0.5\nrecover = { preset = "tinybert" }'],
            "stage 1 (prune-heads): recover compares the attention of each layer head by head, but layers lose heads",
        ),
        (
            [
                'kind = "distill"\nstudent = { init = "random", architecture = "mobilebert", layers = 2 }',
                'kind = "prune-heads"\nratio = 0.5',
            ],
            "stage 2 (prune-heads): a mobilebert model cannot be compressed; expected one of: bert",
        ),
        (
            ['kind = "distill"\nstudent = { layers = 2 }', 'kind = "prune-heads"\nheads = { 3 = [0] }'],
            "stage 2 (prune-heads): there is no layer 3",
        ),
        (
            [
                'kind = "prune-heads"\nheads = { 1 = [0] }',
                'kind = "distill"\npreset = "tinybert"\nstudent = { layers = 2 }',
            ],
            "attention: layer 0 of the student has 3 heads, layer 1 of the teacher 4",
        ),
        (
            ['kind = "prune-layers"\nlayers = [0, 1]', 'kind = "prune-heads"\nheads = { 3 = [0] }'],
            "stage 2 (prune-heads): there is no layer 3",
        ),
        (
            [
                'kind = "prune-ffn"\nratio = 0.5\n'
                'recover = { align = [{ teacher = 40, student = 0, feature = "hidden" }] }'
            ],
            "hidden: the teacher has no layer 40; allowed: 0 to 3",
        ),
        (
            ['kind = "prune-layers"\nlayers = [0, 1]', 'kind = "prune-heads"\ntarget_macs = 0.1'],
            "stage 2 (prune-heads): cannot reach target_macs = 0.1: without any head 12 % of",
        ),
        (['kind = "finetune"\nfrozen_layers = 4'], "frozen_layers = 4: the model has 4 layers; allowed: 0 to 3"),
    ],
)
def test_what_a_stage_cannot_do_with_the_model_before_it_is_said_before_training(
    stages: list[str], said: str, tiny_recipe: Path, tmp_path: Path
) -> None:
    head, _, rest = tiny_recipe.read_text(encoding="utf-8").partition("[[stage]]")
    tail = rest[rest.index("[[artifact]]") :]
    tiny_recipe.write_text("\n".join([head, *(f"[[stage]]\n{stage}" for stage in stages), tail]), encoding="utf-8")
    with Heard() as heard, pytest.raises(BadInput, match=re.escape(said)):
        build(load_recipe(tiny_recipe), tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


def test_a_student_of_too_few_positions_is_named_before_training(tiny_recipe: Path, tmp_path: Path) -> None:
    short = write_tiny_model(tmp_path / "short", max_position_embeddings=8)
    recipe = load_recipe(tiny_recipe, {"stage.1.student": f"{{ init = '{short}' }}"})
    said = r"the model after distill has 8 positions, task\.max_length is"
    with Heard() as heard, pytest.raises(BadInput, match=said):
        build(recipe, tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


def test_a_length_beyond_the_positions_is_named_before_training(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(
        tiny_recipe, {"artifact.1": '{ format = "onnx-qdq", precision = "int8", lengths = [16, 128] }'}
    )
    said = r"^artifact 2 \(onnx-qdq\): lengths = \[16, 128\]: the model has 64 positions; shorten the last one$"
    with Heard() as heard, pytest.raises(BadInput, match=said):
        build(recipe, tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


def test_tokens_that_shall_stay_are_those_of_the_student_before(tiny_recipe: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other")
    save_wordpiece(other)
    student = f"{{ init = '{other}' }}"
    kept = '{ kind = "prune-vocab", tokens = ["棒"] }'  # the teacher has it, the student has not
    recipe = load_recipe(
        with_first_stage(tiny_recipe, 'kind = "prune-vocab"'),
        {"stage.0": f'{{ kind = "distill", student = {student} }}', "stage.1": kept},
    )
    with (
        Heard() as heard,
        pytest.raises(BadInput, match=r"stage 2 \(prune-vocab\): tokens: the vocabulary has no token '棒'"),
    ):
        build(recipe, tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


def test_a_choice_is_checked_against_the_model_it_is_for(built: tuple[Path, Path]) -> None:
    """The teacher is cached, and two layers of four have gone before."""
    with pytest.raises(BadInput, match="there is no layer 9"):
        run(*built, stage__0='{ kind = "prune-layers", layers = [9] }')
    twice = '{ kind = "prune-layers", layers = [0, 1] }'
    with pytest.raises(BadInput, match="layers lists all 2 layers of the model"):
        run(*built, stage__0=twice, stage__1=twice)


@pytest.fixture
def tuned(built: tuple[Path, Path], tiny_model: Path, tmp_path: Path) -> Path:
    """The fine-tuned teacher of the tiny recipe as a folder of its own."""
    folder = tmp_path / "tuned"
    shutil.copytree(built[1] / "stages/00-teacher/model", folder)
    shutil.copy(tiny_model / "tokenizer.json", folder)
    return folder


def change(folder: Path, change_weights: Callable[[dict[str, Tensor]], None], **config: object) -> None:
    weights = load_file(folder / "model.safetensors")
    change_weights(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(described | config), encoding="utf-8")


def turn(weights: dict[str, Tensor]) -> None:
    """Exchange the two labels."""
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name].flip(0).contiguous()


def teacher_of(recipe: Path, root: Path, model: Path, **task: str) -> tuple[Any, list[str]]:
    settings = {"teacher.model": str(model), "teacher.epochs": "0"}
    with Heard() as heard:
        made, _ = fine_tuned(
            load_recipe(recipe, settings | {f"task.{key}": value for key, value in task.items()}), root, heard
        )
    return made, heard.lines


@pytest.mark.parametrize("named", [False, True])
def test_a_teacher_whose_labels_are_turned_is_told_so_and_the_advice_works(
    named: bool, built: tuple[Path, Path], tuned: Path, tmp_path: Path
) -> None:
    names = {"id2label": {"0": "neg", "1": "pos"}} if named else {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    change(tuned, turn, **names)
    said = r"^teacher\.model '.*': its outputs seem to be in another order than the labels: accuracy is [0-9.]+ % in"
    with pytest.raises(BadInput, match=said) as refused:
        teacher_of(built[0], tmp_path / "out", tuned)
    labels = str(refused.value).rpartition("labels in [task] to ")[2]
    assert labels == '["pos", "neg"]'
    if named:
        mapping = re.search(r"set id2label in its config\.json to (\{.*?\}), and", str(refused.value))
        assert mapping
        change(tuned, lambda weights: None, id2label=json.loads(mapping[1]))
    made, _ = teacher_of(built[0], tmp_path / "out", tuned, labels=labels)
    assert made.config.id2label == {0: "pos", 1: "neg"}


def test_numbers_in_the_data_and_names_in_the_model_are_said(
    built: tuple[Path, Path], tuned: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """The names stay in what is exported; a multi-label head is refused."""
    numbers = tmp_path / "numbers"
    numbers.mkdir()
    for file in tiny_data.glob("*.jsonl"):
        text = file.read_text(encoding="utf-8").replace('"neg"', "0").replace('"pos"', "1")
        (numbers / file.name).write_text(text, encoding="utf-8")
    change(tuned, lambda weights: None, id2label={"0": "negative", "1": "positive"})
    made, said = teacher_of(built[0], tmp_path / "out", tuned, dataset=str(numbers))
    assert "  the labels of the data are taken as the model's own numbers: 0 is negative, 1 is positive" in said
    assert made.config.id2label == {0: "negative", 1: "positive"}
    change(tuned, lambda weights: None, problem_type="multi_label_classification")
    with pytest.raises(
        BadInput, match=r"problem_type in config.json is multi_label_classification: its head predicts any"
    ):
        teacher_of(built[0], tmp_path / "out", tuned, dataset=str(numbers))


def test_a_problem_type_is_not_inherited(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "several", problem_type="multi_label_classification")
    model, _ = load_teacher(str(folder), ["a", "b"], tmp_path)
    model.save_pretrained(tmp_path / "saved")
    assert "multi_label" not in (tmp_path / "saved/config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("epochs", ["0", "4"])
def test_a_teacher_with_a_weight_that_is_no_number_is_refused(
    epochs: str, built: tuple[Path, Path], tuned: Path, tmp_path: Path
) -> None:
    def spoil(weights: dict[str, Tensor]) -> None:
        weights["bert.pooler.dense.bias"][0] = float("nan")

    change(tuned, spoil)
    recipe = load_recipe(built[0], {"teacher.model": str(tuned), "teacher.epochs": epochs})
    with Heard() as heard, pytest.raises(BadInput, match=r"1 of the 32 numbers in bert\.pooler\.dense\.bias are NaN"):
        fine_tuned(recipe, tmp_path / "out", heard)
    assert heard.advances == {}


@pytest.mark.parametrize("cut", ["ratio = 0.9", "neurons = {all}"])
def test_a_target_is_not_refused_that_the_stage_before_it_brings_into_reach(
    cut: str, tiny_recipe: Path, tmp_path: Path
) -> None:
    every = ", ".join(f"{layer} = {list(range(30))}" for layer in range(4))
    cut = cut.replace("{all}", f"{{ {every} }}")
    text = tiny_recipe.read_text(encoding="utf-8")
    stages = f'[[stage]]\nkind = "prune-ffn"\n{cut}\n[[stage]]\nkind = "prune-heads"\ntarget_macs = 0.2\n'
    head, _, rest = text.partition("[[stage]]")
    tiny_recipe.write_text(head + stages + rest[rest.index("[[artifact]]") :], encoding="utf-8")
    recipe = load_recipe(tiny_recipe)
    texts = read_texts(recipe.task)
    model, tokenizer = load_teacher(recipe.teacher.model, texts.task.labels, tmp_path)
    check_stages(recipe, texts.task, model.config, tokenizer.backend_tokenizer)
