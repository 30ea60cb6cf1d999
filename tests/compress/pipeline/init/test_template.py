"""The text of a first recipe: what each size holds, and that a build reads what is written."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, ElectraConfig

from pocketbert.compress.pipeline.init.template import Size, Wanted, recipe_text
from pocketbert.compress.pipeline.recipe import load_recipe

BERT = BertConfig()
TASK = {"kind": "classification", "dataset": 'a "folder"\t我', "text": "评论", "label": "label", "max_length": 128}


def wanted(tuned: bool = True, config: Any = BERT, **keys: Any) -> Wanted:
    comments = {"max_length": "tokens"}
    return Wanted("mine", "pocketbert init mine", "my-bert", tuned, TASK | keys, comments, config)


@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("tuned", [False, True])
def test_every_size_is_a_recipe(size: Size, tuned: bool, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    hold_out = {"validation": 0.1, "test": 0.1}
    path.write_text(recipe_text(wanted(tuned, hold_out=hold_out, labels=["负面", "正面"]), size), encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.task.dataset == TASK["dataset"]
    assert recipe.task.labels == ("负面", "正面")
    assert recipe.task.hold_out == hold_out
    assert recipe.teacher.epochs == (0 if tuned else 3)
    for stage in recipe.stages:
        stage.check(BERT)


def test_the_first_rows_of_a_sorted_split_are_not_a_sample() -> None:
    sorted_splits = replace(wanted(), grouped=["train", "test"])
    assert tomllib.loads(recipe_text(sorted_splits, Size.QUICK))["task"]["limit"] == {"validation": 500}
    assert "limit" not in recipe_text(replace(wanted(), grouped=["train", "validation", "test"]), Size.QUICK)


def test_what_the_sizes_differ_in() -> None:
    read = {size: tomllib.loads(recipe_text(wanted(), size)) for size in Size}
    assert read[Size.QUICK]["task"]["limit"]["train"] == 2000
    assert "limit" not in read[Size.BALANCED]["task"]
    assert [artifact["precision"] for artifact in read[Size.SMALLEST]["artifact"]] == ["int8", "int4"]
    narrow = {"init": "teacher-layers", "layers": 4, "hidden": 384, "heads": 6, "intermediate": 1536}
    assert read[Size.SMALLEST]["stage"][1]["student"] == narrow
    assert read[Size.BALANCED]["stage"][1]["student"] == {"init": "teacher-layers", "layers": 4}
    rounded = {size: found["stage"][1].get("fake_quant") for size, found in read.items()}
    assert rounded == {Size.QUICK: None, Size.BALANCED: None, Size.SMALLEST: "int4"}


def test_a_model_whose_embeddings_are_half_as_wide_and_one_of_two_layers() -> None:
    electra = ElectraConfig(hidden_size=256, embedding_size=128, num_attention_heads=4, intermediate_size=1024)
    student = tomllib.loads(recipe_text(wanted(config=electra), Size.SMALLEST))["stage"][1]["student"]
    assert (student["hidden"], student["heads"], student["intermediate"]) == (192, 3, 768)
    small = tomllib.loads(recipe_text(wanted(config=BertConfig(num_hidden_layers=2)), Size.BALANCED))
    assert [stage["kind"] for stage in small["stage"]] == ["prune-vocab"]


def test_a_vocabulary_that_cannot_be_pruned_is_left_alone() -> None:
    found = tomllib.loads(recipe_text(replace(wanted(), prunable=False), Size.BALANCED))
    assert [stage["kind"] for stage in found["stage"]] == ["distill"]


def test_every_choice_has_a_comment_and_no_line_is_long() -> None:
    text = recipe_text(wanted(hold_out={"test": 0.1}), Size.BALANCED)
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert {line.split(" =")[0] for line in lines if " # " in line} >= {
        "kind",
        "epochs",
        "max_drop",
        "student",
        "alpha",
    }
    assert max(map(len, text.splitlines())) <= 140
