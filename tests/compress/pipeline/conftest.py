"""One build of the tiny recipe, copied for each test that continues it."""

import shutil
from pathlib import Path

import pytest

from tests.support.models import RECIPE
from tests.support.recipes import run


@pytest.fixture(scope="session")
def tiny_build(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_data: Path) -> tuple[Path, Path]:
    """The tiny recipe and the folder it was built into; both are only read."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "tiny.toml").write_text(RECIPE.format(model=tiny_model, data=tiny_data), encoding="utf-8")
    run(folder / "tiny.toml", folder / "tiny")
    return folder / "tiny.toml", folder / "tiny"


@pytest.fixture
def built(tiny_build: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The tiny recipe and a copy of its build."""
    copies = tmp_path / "built.toml", tmp_path / "built"
    shutil.copyfile(tiny_build[0], copies[0])
    shutil.copytree(tiny_build[1], copies[1])
    return copies
