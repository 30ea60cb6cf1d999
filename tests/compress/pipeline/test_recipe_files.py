"""The shipped recipes are right, and a file that is no recipe, or makes nothing, is refused in one line."""

from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import FORMATS
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support import REPO

RECIPES = sorted((REPO / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path).name == path.stem


def test_the_recipe_for_phones_has_every_format_in_every_precision() -> None:
    made = [file for table in load_recipe(REPO / "recipes/mobile.toml").artifacts for file in table.files()]
    every = {(name, precision) for name, format_ in FORMATS.items() for precision in format_.precisions}
    assert {(file.format, file.precision) for file in made} == every


def test_tables_that_are_none(tiny_recipe: Path) -> None:
    head, _, _ = tiny_recipe.read_text(encoding="utf-8").partition("[[stage]]")
    tiny_recipe.write_text(head, encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"no \[\[artifact\]\], so nothing to export; add one with format = torch | onnx"
    ):
        load_recipe(tiny_recipe)
    for value in ("3", "{}", "[1]"):
        tiny_recipe.write_text(f"stage = {value}\n{head}", encoding="utf-8")
        with pytest.raises(BadInput, match=r"stage: write each one as a table headed \[\[stage\]\]"):
            load_recipe(tiny_recipe)


@pytest.mark.parametrize("name", ["a" * 5000, "zero\0byte", "half\ud800", "loop"])
def test_what_cannot_be_a_path_is_no_recipe(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadInput, match="cannot be"):
        load_recipe(tmp_path / name)
