"""Models whose layers have lost heads and neurons."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from tests.support.exports import BATCH
from tests.support.models import write_any_model


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> torch.nn.Module:
    return without(load_classifier(tiny_model), {0: [1], 1: range(4), 3: [0, 2]}, {2: range(64), 3: range(10)})


@pytest.fixture(scope="module")
def logits(model: torch.nn.Module) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in BATCH.items()}).logits.numpy()


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    source = load_classifier(write_any_model(tmp_path_factory.mktemp("hub"), "bert"))
    return without(source, {0: [1], 1: range(4), 3: [0, 2]}, {2: range(64), 3: range(10)})
