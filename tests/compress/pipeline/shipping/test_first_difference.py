"""The first layer that differs is found by bisection over models of fewer layers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.shipping.first_difference import first_difference, lowest
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs
from tests.support.models import SEQUENCES, Heard, write_any_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Its layers are uneven."""
    model = load_classifier(write_any_model(tmp_path_factory.mktemp("model"), "bert"))
    return without(model, {0: [1], 1: range(4)}, {2: range(64), 3: range(10)})


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
def test_the_first_wrong_layer_is_named_after_few_tries(wrong: int, model: Any) -> None:
    asked: list[int] = []

    def differs(cut: Any) -> bool:
        asked.append(len(cut.bert.encoder.layer))
        return asked[-1] > wrong

    heard = Heard()
    assert first_difference(model, differs, heard) == f"layer {wrong}"
    assert len(asked) < 4, "not bisected"
    assert heard.advances["looking for the first layer that differs"] == [1.0] * len(asked)


def test_what_is_wrong_before_any_layer_is_said_so(model: Any) -> None:
    assert first_difference(model, lambda _: True, Progress()) == "the embeddings or the head"


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_lowest_layers_are_a_model_like_any_other(layers: int, model: Any, tmp_path: Path) -> None:
    cut = lowest(model, layers)
    cut.save_pretrained(tmp_path)
    batch = Inputs(SEQUENCES, 0).padded(range(4))
    assert np.array_equal(TorchSession(cut).logits(batch), TorchSession(load_classifier(tmp_path)).logits(batch))
    assert len(model.bert.encoder.layer) == model.config.num_hidden_layers == 4, "the model itself was cut"
