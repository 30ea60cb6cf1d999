"""The estimate of a build's duration grows with what is trained, and counts the first rows alone."""

from pathlib import Path

import pytest
from transformers import BertConfig

from pocketbert.compress.pipeline.init.template import Size, Wanted, recipe_text
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from pocketbert.compress.pipeline.steps.minutes import Speed, estimate_s, in_words

BERT = BertConfig()
ROWS = {"train": 10_000, "validation": 1000, "test": 1000}


def recipe(folder: Path, size: Size, tuned: bool = True) -> Recipe:
    return load_recipe(written(folder, size, tuned))


def written(folder: Path, size: Size, tuned: bool = True) -> Path:
    task = {"kind": "classification", "dataset": "data", "text": "text", "label": "label", "max_length": 128}
    path = folder / "mine.toml"
    path.write_text(recipe_text(Wanted("mine", "", "my-bert", tuned, task, {}, BERT), size), encoding="utf-8")
    return path


def test_what_a_balanced_build_costs(tmp_path: Path) -> None:
    """The teacher predicts all rows; 4 epochs of a third of its layers cost as much as 4 passes of the teacher."""
    found = recipe(tmp_path, Size.BALANCED)
    assert [stage.kind for stage in found.stages] == ["distill", "prune-vocab"]
    files = [1.5 * 1000 / 3] * 2
    passes = [1000, 10_000 + 3 * 4 * 10_000 / 3 + 1000 / 3, 1000 / 3, *files]
    assert estimate_s(found, BERT, Speed(0.01, ROWS)) == pytest.approx([5 + 0.01 * each for each in passes])


def test_frozen_layers_run_once_and_the_teacher_sees_labelled_rows_alone(tmp_path: Path) -> None:
    overrides = {"task.labelled": "4_000", "teacher.epochs": "2", "teacher.frozen_layers": "6"}
    found = load_recipe(written(tmp_path, Size.BALANCED), overrides)
    teacher, student, *_ = estimate_s(found, BERT, Speed(0.01, ROWS))
    assert teacher == pytest.approx(5 + 0.01 * (4_000 * (3 * 2 / 2 + 1 / 2) + 1000))
    assert student == pytest.approx(5 + 0.01 * (10_000 + 3 * 4 * 10_000 / 3 + 1000 / 3))


def test_a_pruned_model_that_recovers_is_distilled(tmp_path: Path) -> None:
    path = written(tmp_path, Size.BALANCED)
    kept = path.read_text(encoding="utf-8").partition("[[stage]]")[0]
    stage = '[[stage]]\nkind = "prune-heads"\nratio = 0.5\nrecover = { epochs = 2 }\n'
    path.write_text(f'{kept}{stage}[[artifact]]\nformat = "torch"\n', encoding="utf-8")
    seconds = estimate_s(load_recipe(path), BERT, Speed(0.01, ROWS))[1]
    assert seconds == pytest.approx(5 + 0.01 * (3 * 512 + 10_000 + 3 * 2 * 10_000 + 1000))


def test_fine_tuning_and_the_sizes(tmp_path: Path) -> None:
    balanced, quick, smallest = (
        sum(estimate_s(recipe(tmp_path, size), BERT, Speed(0.01, ROWS)))
        for size in (Size.BALANCED, Size.QUICK, Size.SMALLEST)
    )
    assert quick < balanced
    assert quick == sum(estimate_s(recipe(tmp_path, Size.QUICK), BERT, Speed(0.01, ROWS | {"train": 10**6})))
    assert smallest < balanced * 1.2, "half as wide, twice the epochs"
    tuned = sum(estimate_s(recipe(tmp_path, Size.BALANCED, tuned=False), BERT, Speed(0.01, ROWS)))
    assert tuned - balanced == pytest.approx(0.01 * 3 * 3 * 10_000)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(20, "1 min"), (200, "3 min"), (1600, "25 min"), (5300, "1.5 h"), (7000, "2 h"), (30_000, "8 h")],
)
def test_durations_are_rounded(seconds: float, said: str) -> None:
    assert in_words(seconds) == f"about {said}"
