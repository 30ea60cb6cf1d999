"""A loss is one new file and its line in `LOSSES`: recipes, cache keys and the aligner find it there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from transformers import BertConfig

from pocketbert.compress.training import losses
from pocketbert.compress.training.distillation.aligner import Aligner
from pocketbert.compress.training.distillation.alignment import Alignment
from pocketbert.compress.training.distillation.distil import Distillation
from pocketbert.compress.training.features import Key

NEW_FILE = '''
def smallest_gap(student, teacher, mask):
    """The smallest absolute difference at a visible token."""
    return (student - teacher)[mask.bool()].abs().min()
'''
TERM = {"teacher": 0, "student": 0, "loss": "gap"}
MODULE = f"{losses.__name__}.smallest_gap"


@pytest.fixture
def smallest_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "smallest_gap.py").write_text(NEW_FILE, encoding="utf-8")
    monkeypatch.setattr(losses, "__path__", [*losses.__path__, str(tmp_path)])
    monkeypatch.setitem(losses.LOSSES, "smallest_gap", losses.Loss("gap", of=("hidden",)))
    yield
    sys.modules.pop(MODULE, None)


@pytest.mark.usefixtures("smallest_gap")
def test_a_loss_is_one_file_and_one_line() -> None:
    term = Alignment.model_validate(TERM | {"feature": "hidden"})
    assert Alignment.model_validate({"teacher": 0, "student": 0, "feature": "hidden"}).loss == "mse", (
        "still the default"
    )
    with pytest.raises(ValidationError, match='not a loss of feature = "attention"; allowed: mse, kl'):
        Alignment.model_validate(TERM | {"feature": "attention"})
    settings = Distillation.model_validate({"align": [TERM | {"feature": "hidden"}]})
    assert settings.loss_modules() == (MODULE,)
    config = BertConfig(hidden_size=2, num_hidden_layers=1, num_attention_heads=1)
    ours, theirs = torch.tensor([[[1.0, 5.0], [9.0, 9.0]]]), torch.tensor([[[4.0, 3.0], [9.0, 9.0]]])
    key = Key("hidden", 0)
    assert Aligner([term], config, config)({key: ours}, {key: theirs}, torch.tensor([[1, 0]])).item() == 2.0


def test_an_unregistered_loss_is_refused() -> None:
    with pytest.raises(ValidationError, match='not a loss of feature = "hidden"; allowed: mse, cosine'):
        Alignment.model_validate(TERM | {"feature": "hidden"})
