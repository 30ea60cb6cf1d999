from pathlib import Path

import pytest
import torch

from compress.errors import BadInput
from compress.modeling import load_classifier
from compress.stages.distill import Student, evenly_spaced
from compress.surgery import keep_layers, without


def test_evenly_spaced() -> None:
    assert evenly_spaced(12, 4) == [2, 5, 8, 11]
    assert evenly_spaced(12, 6) == [1, 3, 5, 7, 9, 11]
    assert evenly_spaced(12, 12) == list(range(12))
    assert evenly_spaced(4, 1) == [3]
    with pytest.raises(BadInput, match=r"student\.layers is 13, the model has 12"):
        evenly_spaced(12, 13)


def test_student_takes_the_chosen_layers_with_their_shapes(tiny_model: Path) -> None:
    model = without(load_classifier(tiny_model), {3: [0, 1]}, {})
    student = keep_layers(model, [1, 3])
    assert student.config.num_hidden_layers == 2
    assert student.config.layer_heads == [4, 2]
    for mine, theirs in ((0, 1), (1, 3)):
        name = "attention.self.query.weight"
        assert torch.equal(
            student.bert.encoder.layer[mine].get_parameter(name), model.bert.encoder.layer[theirs].get_parameter(name)
        )
    with torch.no_grad():
        student.classifier.weight.zero_()
    assert model.classifier.weight.abs().sum() > 0, "student and teacher share a tensor"


def test_layers_are_for_a_shallower_student_alone() -> None:
    assert Student(init="current").layers is None
    for wrong in ({"init": "current", "layers": 4}, {}):
        with pytest.raises(ValueError, match="give layers with init"):
            Student.model_validate(wrong)
