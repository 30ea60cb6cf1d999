"""The estimate of a build's duration grows with what is trained, and counts the first rows alone."""

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import BertConfig

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.init.template import Size, Wanted, recipe_text
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe
from pocketbert.compress.pipeline.steps.minutes import Sizes, estimate_s, in_words, time_texts
from pocketbert.compress.tasks.inputs import Inputs
from tests.support.models import Heard

BERT = BertConfig()
SIZES = Sizes(labelled=10_000, unlabelled=0, validation=1000)


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
    assert [stage.kind for stage in found.stages] == ["prune-vocab", "distill"]
    files = [1.5 * 1000 / 3] * 2
    passes = [1000, 1000, 10_000 + 3 * 4 * 10_000 / 3 + 1000 / 3, *files]
    assert estimate_s(found, BERT, 0.01, SIZES) == pytest.approx([5 + 0.01 * each for each in passes])


def test_frozen_layers_run_once_and_the_teacher_sees_labelled_rows_alone(tmp_path: Path) -> None:
    overrides = {"task.limit.train": "4_000", "teacher.epochs": "2", "teacher.frozen_layers": "6"}
    found = load_recipe(written(tmp_path, Size.BALANCED), overrides)
    teacher, _, student, *_ = estimate_s(found, BERT, 0.01, Sizes(9_000, unlabelled=6_000, validation=1000))
    assert teacher == pytest.approx(5 + 0.01 * (4_000 * (3 * 2 / 2 + 1 / 2) + 1000))
    assert student == pytest.approx(5 + 0.01 * (10_000 + 3 * 4 * 10_000 / 3 + 1000 / 3))


def test_a_pruned_model_that_recovers_is_distilled(tmp_path: Path) -> None:
    path = written(tmp_path, Size.BALANCED)
    kept = path.read_text(encoding="utf-8").partition("[[stage]]")[0]
    stage = '[[stage]]\nkind = "prune-heads"\nratio = 0.5\nrecover = { epochs = 2 }\n'
    path.write_text(f'{kept}{stage}[[artifact]]\nformat = "torch"\n', encoding="utf-8")
    seconds = estimate_s(load_recipe(path), BERT, 0.01, SIZES)[1]
    assert seconds == pytest.approx(5 + 0.01 * (3 * 512 + 10_000 + 3 * 2 * 10_000 + 1000))


def test_fine_tuning_and_the_sizes(tmp_path: Path) -> None:
    balanced, quick, smallest = (
        sum(estimate_s(recipe(tmp_path, size), BERT, 0.01, SIZES))
        for size in (Size.BALANCED, Size.QUICK, Size.SMALLEST)
    )
    assert quick < balanced
    assert quick == sum(estimate_s(recipe(tmp_path, Size.QUICK), BERT, 0.01, SIZES._replace(labelled=10**6)))
    assert smallest < balanced * 1.2, "half as wide, twice the epochs"
    tuned = sum(estimate_s(recipe(tmp_path, Size.BALANCED, tuned=False), BERT, 0.01, SIZES))
    assert tuned - balanced == pytest.approx(0.01 * 3 * 3 * 10_000)


def test_a_long_text_is_one_text_whatever_its_windows(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = SimpleNamespace(monotonic=count(0, 6).__next__, process_time=count(0, 1000).__next__)
    monkeypatch.setattr("pocketbert.compress.pipeline.steps.minutes.time", clocks)
    windows = Inputs([[5] * 12] * 12, 0, rows=[row for row in range(3) for _ in range(4)])
    assert time_texts(load_classifier(tiny_model), windows, "timing", Heard()).text_s == 2


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(20, "1 min"), (200, "3 min"), (1600, "25 min"), (5300, "1.5 h"), (7000, "2 h"), (30_000, "8 h")],
)
def test_durations_are_rounded(seconds: float, said: str) -> None:
    assert in_words(seconds) == f"about {said}"
