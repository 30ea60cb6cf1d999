"""A tiny BERT laid out as a hub snapshot, and a tiny dataset folder, both made on the spot."""

from pathlib import Path

import pytest

from pocketbert.compress.base.quiet import quiet
from tests.support.models import HEADS, RECIPE, write_any_model, write_tiny_data, write_tiny_model

quiet()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("hub") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session", params=HEADS, ids=lambda head: f"{head[0]}-{'tokens' if head[1] else 'texts'}")
def any_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every family with either kind of head."""
    return write_any_model(tmp_path_factory.mktemp("hub"), *request.param)


@pytest.fixture
def tiny_recipe(tmp_path: Path, tiny_model: Path, tiny_data: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(model=tiny_model, data=tiny_data), encoding="utf-8")
    return path
