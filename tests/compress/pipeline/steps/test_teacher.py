"""What the recipe and the teacher alone show to be wrong is said before anything is trained."""

import re
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.recipe import load_recipe
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
            "hidden: the teacher has no layer 4; allowed: 0 to 3",
        ),
        (
            ['kind = "distill"\npreset = "tinybert"\nstudent = { layers = 2, heads = 2, hidden = 16 }'],
            "attention: layer 0 of the student has 2 heads, layer 1 of the teacher 4",
        ),
        (
            [
                'kind = "distill"\nstudent = { init = "random", architecture = "mobilebert", layers = 2 }',
                'kind = "prune-heads"\nratio = 0.5',
            ],
            "prune-heads: a mobilebert model cannot be compressed; expected one of: bert",
        ),
        (
            ['kind = "distill"\nstudent = { layers = 2 }', 'kind = "prune-heads"\nheads = { 3 = [0] }'],
            "prune-heads: there is no layer 3",
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
            "prune-heads: there is no layer 3",
        ),
        (
            [
                'kind = "prune-ffn"\nratio = 0.5\n'
                'recover = { align = [{ teacher = 40, student = 0, feature = "hidden" }] }'
            ],
            "hidden: the teacher has no layer 40; allowed: 0 to 3",
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


def test_tokens_that_shall_stay_are_those_of_the_student_before(tiny_recipe: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other")
    save_wordpiece(other)
    student = f"{{ init = '{other}' }}"
    kept = '{ kind = "prune-vocab", tokens = ["棒"] }'  # the teacher has it, the student has not
    recipe = load_recipe(
        with_first_stage(tiny_recipe, 'kind = "prune-vocab"'),
        {"stage.0": f'{{ kind = "distill", student = {student} }}', "stage.1": kept},
    )
    with Heard() as heard, pytest.raises(BadInput, match="prune-vocab: tokens: the vocabulary has no token '棒'"):
        build(recipe, tmp_path / "tiny", "test", heard)
    assert heard.advances == {}


def test_a_choice_is_checked_against_the_model_it_is_for(built: tuple[Path, Path]) -> None:
    """The teacher is cached, and two layers of four have gone before."""
    with pytest.raises(BadInput, match="there is no layer 9"):
        run(*built, stage__0='{ kind = "prune-layers", layers = [9] }')
    twice = '{ kind = "prune-layers", layers = [0, 1] }'
    with pytest.raises(BadInput, match="layers lists all 2 layers of the model"):
        run(*built, stage__0=twice, stage__1=twice)
