"""Importing a package, the plugin or a recipe must not cost the seconds that PyTorch takes."""

import subprocess
import sys

import pytest

from tests.support import REPO

HEAVY = ("torch", "transformers", "datasets", "matplotlib")
DOORS = [
    "pocketbert.bench.cli",
    "pocketbert.bench.gate.plugin",
    "pocketbert.bench.verdicts.decide",
    "pocketbert.bench.workers.worker",
    "pocketbert.compress.cli",
    "pocketbert.compress.manifest",
    "pocketbert.compress.pipeline.recipe",
    "pocketbert.compress.pipeline.reference",
    "pocketbert.compress.training.distillation.alignment",
]
"""Modules that others enter a room by."""
ROOMS = sorted(
    ".".join(("pocketbert", *path.parent.relative_to(REPO).parts))
    for top in ("bench", "compress")
    for path in (REPO / top).rglob("__init__.py")
)


def heavy_after(*modules: str) -> list[str]:
    """Import `modules` one after the other in one process; lists each that loads something heavy."""
    code = (
        "import sys; from importlib import import_module\n"
        f"for name in {modules}:\n"
        "    import_module(name)\n"
        f"    if loaded := [heavy for heavy in {HEAVY} if heavy in sys.modules]:\n"
        "        print(name, *loaded)\n"
        "        break\n"
    )
    return subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()


def test_no_room_loads_torch_or_transformers() -> None:
    assert len(ROOMS) > 30
    assert heavy_after(*ROOMS) == []


@pytest.mark.parametrize("module", DOORS)
def test_no_door_loads_torch_or_transformers(module: str) -> None:
    assert heavy_after(module) == []


def test_checking_a_recipe_loads_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from pocketbert.compress.pipeline.recipe import load_recipe\n"
        "load_recipe(Path('recipes/offline.toml')); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
