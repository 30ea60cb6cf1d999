"""The estimate of a build's duration grows with what is trained, and counts the first rows alone."""

from pathlib import Path

import pytest
from transformers import BertConfig

from pocketbert.compress.pipeline.init.minutes import Speed, estimate_s, in_words
from pocketbert.compress.pipeline.init.template import Size, Wanted, recipe_text
from pocketbert.compress.pipeline.recipe import Recipe, load_recipe

BERT = BertConfig()
ROWS = {"train": 10_000, "validation": 1000, "test": 1000}


def recipe(folder: Path, size: Size, tuned: bool = True) -> Recipe:
    task = {"kind": "classification", "dataset": "data", "text": "text", "label": "label", "max_length": 128}
    path = folder / "mine.toml"
    path.write_text(recipe_text(Wanted("mine", "", "my-bert", tuned, task, {}, BERT), size), encoding="utf-8")
    return load_recipe(path)


def test_what_a_balanced_build_costs(tmp_path: Path) -> None:
    """The teacher predicts all rows; 4 epochs of a third of its layers cost as much as 4 passes of the teacher."""
    seconds = estimate_s(recipe(tmp_path, Size.BALANCED), BERT, Speed(0.01, ROWS))
    passes = 1000 + (10_000 + 3 * 4 * 10_000 / 3) + 2 * 1000 / 3 + 2 * 1.5 * 1000 / 3
    assert seconds == pytest.approx(30 + 0.01 * passes)


def test_fine_tuning_and_the_sizes(tmp_path: Path) -> None:
    balanced, quick, smallest = (
        estimate_s(recipe(tmp_path, size), BERT, Speed(0.01, ROWS))
        for size in (Size.BALANCED, Size.QUICK, Size.SMALLEST)
    )
    assert quick < balanced
    assert quick == estimate_s(recipe(tmp_path, Size.QUICK), BERT, Speed(0.01, ROWS | {"train": 10**6}))
    assert smallest < balanced * 1.2, "half as wide, twice the epochs"
    tuned = estimate_s(recipe(tmp_path, Size.BALANCED, tuned=False), BERT, Speed(0.01, ROWS))
    assert tuned - balanced == pytest.approx(0.01 * 3 * 3 * 10_000)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(20, "1 min"), (200, "3 min"), (1600, "25 min"), (5300, "1.5 h"), (7000, "2 h"), (30_000, "8 h")],
)
def test_durations_are_rounded(seconds: float, said: str) -> None:
    assert in_words(seconds) == f"about {said}"
