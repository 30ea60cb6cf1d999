"""A model that is run in two parts computes what it computes in one."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.replay import run_by_layer, run_from
from pocketbert.compress.pruning.surgery import keep_layers
from pocketbert.compress.runtimes.torch import TorchSession
from pocketbert.compress.tasks.inputs import Inputs, predict
from tests.support.models import SEQUENCES, WORDS, write_any_model

TEXTS = Inputs(SEQUENCES[::-1], 0)  # the longest first: batches are made of the shortest


@pytest.fixture(autouse=True)
def several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketbert.compress.pruning.replay._BATCH", 3)


@pytest.fixture(params=[False, True], ids=["texts", "tokens"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Inputs]:
    model = load_classifier(write_any_model(tmp_path, "electra", token_level=request.param)).eval()
    return model, WORDS if request.param else TEXTS


def logits(model: Any, inputs: Inputs) -> torch.Tensor:
    return torch.from_numpy(predict(TorchSession(model).logits, inputs))


def test_the_rest_of_a_model_runs_from_every_layer(case: tuple[Any, Inputs]) -> None:
    model, inputs = case
    expected = logits(model, inputs)
    layers = []
    for layer, states in run_by_layer(model, inputs):
        layers.append(layer)
        for _ in range(2):  # a run leaves the states as they are
            found = torch.from_numpy(run_from(model, states, layer, inputs))
            assert torch.allclose(found, expected, atol=1e-5), layer
    assert layers == [0, 1, 2, 3, 4], "the last number is past the last layer"


def test_a_layer_that_is_skipped_is_a_layer_left_out(case: tuple[Any, Inputs]) -> None:
    model, inputs = case
    for layer, states in run_by_layer(model, inputs):
        if layer < 4:
            found = torch.from_numpy(run_from(model, states, layer + 1, inputs))
            left = [number for number in range(4) if number != layer]
            assert torch.allclose(found, logits(keep_layers(model, left), inputs), atol=1e-5)


def test_states_are_those_of_the_inputs_that_they_name(case: tuple[Any, Inputs]) -> None:
    model, inputs = case
    _, states = next(iter(run_by_layer(model, inputs)))
    for state in states:
        lengths = [len(inputs.sequences[number]) for number in state.indices]
        assert state.attention_mask.sum(dim=1).tolist() == lengths
        assert state.hidden.shape == (len(lengths), max(lengths), 32)
    assert sorted(number for state in states for number in state.indices) == list(range(len(inputs)))
