"""A tiny BERT laid out as a hub snapshot, and a tiny dataset folder, both made on the spot."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketbert.compress.base.quiet import quiet
from tests.support.models import HEADS, RECIPE, write_any_model, write_tiny_data, write_tiny_model

quiet()


def pytest_collection_finish() -> None:
    """Import the large libraries: a test that has a pytester and is the first to import PyTorch leaves it unusable.

    Then have garbage collections, which every training and export asks for, pass over what stays until the end.
    """
    import torch  # noqa: F401
    import transformers  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No test is about a power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


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
