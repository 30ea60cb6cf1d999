"""Importing the packages, the plugin or a recipe must not cost the seconds that PyTorch takes."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "compress",
        "pocketbert.compress.manifest",
        "pocketbert.compress.pipeline.recipe",
        "pocketbert.compress.training.distillation.alignment",
        "pocketbert.compress.tasks",
        "pocketbert.compress.cli",
        "bench",
        "pocketbert.bench.gate.plugin",
        "pocketbert.bench.cli",
        "pocketbert.bench.workers.worker",
        "pocketbert.bench.report",
        "pocketbert.bench.verdicts.decide",
    ],
)
def test_neither_torch_nor_transformers(module: str) -> None:
    heavy = ("torch", "transformers", "datasets", "matplotlib")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_checking_a_recipe_loads_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from pocketbert.compress.pipeline.recipe import load_recipe\n"
        "load_recipe(Path('recipes/offline.toml')); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
