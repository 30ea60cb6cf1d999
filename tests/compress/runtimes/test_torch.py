from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.exports.torch import export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes.torch import open_session, threads
from tests.support.exports import BATCH


@pytest.fixture
def restored() -> Iterator[None]:
    """The number of threads is a setting of the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def logits_of(folder: Path) -> np.ndarray:
    with torch.no_grad():
        tensors = {name: torch.from_numpy(values) for name, values in BATCH.items()}
        return load_classifier(folder).eval()(**tensors).logits.numpy()


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("count", [2, 1])
def test_the_threads_are_those_requested(tiny_model: Path, count: int) -> None:
    open_session(tiny_model, count)
    assert threads() == torch.get_num_threads() == count


@pytest.mark.usefixtures("restored")
def test_a_folder_gives_the_logits_of_its_model_without_dropout(tiny_model: Path) -> None:
    session = open_session(tiny_model, 1)
    assert np.array_equal(session.logits(BATCH), logits_of(tiny_model))
    narrow = {name: values.astype(np.int32) for name, values in BATCH.items()}
    assert np.array_equal(session.logits(narrow), session.logits(BATCH))


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_other_precisions_give_fp32_logits(tiny_model: Path, tmp_path: Path, precision: str) -> None:
    export(load_classifier(tiny_model), tmp_path / "m", precision)
    found, exact = open_session(tmp_path / "m", 1).logits(BATCH), logits_of(tiny_model)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 0.05
