"""Recipes on tiny models, and builds of them."""

from pathlib import Path

from pocketbert.compress.manifest import Manifest
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support.models import Heard


def run(recipe: Path, root: Path, **overrides: str) -> tuple[Manifest, Heard]:
    with Heard() as heard:
        settings = {key.replace("__", "."): value for key, value in overrides.items()}
        return build(load_recipe(recipe, settings), root, "test", heard), heard
