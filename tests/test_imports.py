"""Importing the packages, the plugin or a recipe must not cost the seconds that PyTorch takes."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "compress",
        "compress.manifest",
        "compress.recipe",
        "compress.alignment",
        "compress.tasks",
        "compress.cli",
        "bench",
        "bench.plugin",
        "bench.cli",
        "bench.worker",
        "bench.report",
        "bench.gate",
    ],
)
def test_neither_torch_nor_transformers(module: str) -> None:
    heavy = ("torch", "transformers", "datasets", "matplotlib")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_checking_a_recipe_loads_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from compress.recipe import load_recipe\n"
        "load_recipe(Path('recipes/offline.toml')); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
