"""A model whose matrices have enough weights to be INT4 in an INT4 file."""

import pytest
from transformers import PreTrainedModel

from pocketbert.compress.models.pretrained import load_classifier
from tests.support.models import write_any_model


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    sizes = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 128, "initializer_range": 0.05}
    return load_classifier(write_any_model(tmp_path_factory.mktemp("wide"), "bert", **sizes)).eval()
