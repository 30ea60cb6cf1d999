"""A tiny build of `recipes/offline.toml`, and the progress of a study."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pocketbert.compress.base.progress import Progress, Work
from pocketbert.compress.pipeline.steps.step import TOKENIZER
from tests.support.models import RECIPE, write_tiny_model


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with positions for 128 tokens and matrices that are worth 4 bits."""
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 100}
    return write_tiny_model(tmp_path_factory.mktemp("hub") / "wide", max_position_embeddings=130, **sizes)


@pytest.fixture
def offline(wide_model: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a study: a recipe `offline`, and the last stage of its build."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    recipe = RECIPE.format(model=wide_model, data=tiny_data)
    (tmp_path / "recipes/offline.toml").write_text(recipe, encoding="utf-8")
    stage = tmp_path / "artifacts/offline/stages/03-prune-vocab"
    shutil.copytree(wide_model, stage / "model")
    (stage / TOKENIZER).parent.mkdir()
    shutil.copy(wide_model / "tokenizer.json", stage / TOKENIZER)
    monkeypatch.setattr("sys.argv", ["study"])
    return tmp_path


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The descriptions of all progress bars that were advanced."""
    shown: list[str] = []
    real = Progress.work

    @contextmanager
    def work(self: Progress, description: str, total: float) -> Iterator[Work]:
        with real(self, description, total) as bar:
            yield bar
            if bar._done:
                shown.append(description)

    monkeypatch.setattr(Progress, "work", work)
    return shown
