"""Recipes on tiny models, and builds of them."""

import os
import subprocess
import sys
from pathlib import Path

from pocketbert.compress.manifest import Manifest
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.recipe import load_recipe
from tests.support import REPO
from tests.support.models import Heard


def pocketbert(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from pocketbert.bench.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(REPO)},
    )


def run(recipe: Path, root: Path, **overrides: str) -> tuple[Manifest, Heard]:
    with Heard() as heard:
        settings = {key.replace("__", "."): value for key, value in overrides.items()}
        return build(load_recipe(recipe, settings), root, "test", heard), heard
