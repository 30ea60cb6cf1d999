"""A stage is one new file: recipes, messages and the pipeline find it by its name."""

from pathlib import Path

import pytest
import torch

from pocketbert.compress import stages
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.stages import stage_kinds, stage_module
from tests.support.models import context_of, rows_of, with_first_stage
from tests.support.plug_ins import add_module

KINDS = ["finetune", "prune-heads", "prune-ffn", "prune-width", "prune-layers", "prune-vocab", "distill", "sparsify"]
NEW_FILE = '''
from typing import Literal

from pocketbert.compress.stages import StageParameters


class Parameters(StageParameters):
    """A factor for the logits."""

    kind: Literal["calibrate-logits"] = "calibrate-logits"
    factor: float


def run(model, context, parameters):
    """Return `model` with its logits multiplied by the factor."""
    for parameter in model.classifier.parameters():
        parameter.data *= parameters.factor
    return model
'''


@pytest.fixture
def new_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_module(monkeypatch, stages, "calibrate_logits", NEW_FILE, tmp_path)


def test_the_kinds_are_the_modules_in_the_order_of_a_recipe() -> None:
    assert list(stage_kinds()) == KINDS
    assert all(stage_module(kind).Parameters.model_fields["kind"].default == kind for kind in KINDS)


@pytest.mark.usefixtures("new_stage")
def test_a_stage_is_one_file(tiny_recipe: Path, tiny_model: Path) -> None:
    with_first_stage(tiny_recipe, 'kind = "calibrate-logits"\nfactor = 2.0')
    chosen = load_recipe(tiny_recipe).stages[0]
    assert chosen.model_dump() == {"kind": "calibrate-logits", "factor": 2.0}
    ids = torch.tensor([[2, 5, 6, 3]])
    model = load_classifier(tiny_model).eval()
    with torch.no_grad():
        before = model(input_ids=ids).logits
        made = stage_module(chosen.kind).run(model, context_of(rows_of([[2, 5, 3]], [0]), Path()), chosen)
        assert torch.equal(made(input_ids=ids).logits, 2 * before)


@pytest.mark.usefixtures("new_stage")
def test_messages_list_it_after_the_others(tiny_recipe: Path) -> None:
    with pytest.raises(BadInput, match=r"did you mean .?calibrate-logits") as refused:
        load_recipe(tiny_recipe, {"stage.0.kind": '"calibrate-logit"'})
    assert f"{', '.join(KINDS)}, calibrate-logits" in str(refused.value)
    with pytest.raises(BadInput, match=r"cuts\b.*finetune, prune-heads"):
        load_recipe(tiny_recipe, {"stage.0.kind": '"cuts"'})
