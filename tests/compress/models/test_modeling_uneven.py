"""Per-layer widths survive saving and loading, for every family and head, also where pocketbert is not installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.families import head_counts, neuron_counts
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import encoder_macs
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.training.distillation.student import Student, build
from tests.support.models import HEADS as KINDS
from tests.support.models import write_any_model
from tests.support.uneven import HEADS, IDS, MASK, NEURONS, logits, seen


@pytest.fixture
def uneven(tmp_path: Path, tiny_model: Path) -> tuple[Path, torch.Tensor]:
    model = without(load_classifier(tiny_model), {0: [1, 3], 1: range(4), 2: [0]}, {1: range(40), 2: range(64)})
    model.save_pretrained(tmp_path / "uneven")
    return tmp_path / "uneven", model(torch.tensor([[2, 5, 6, 3]])).logits


def test_round_trip(uneven: tuple[Path, torch.Tensor]) -> None:
    folder, logits = uneven
    again = load_classifier(folder).eval()
    assert (again.config.layer_heads, again.config.layer_intermediate) == ([2, 0, 3, 4], [64, 24, 0, 64])
    assert again.bert.encoder.layer[0].attention.self.query.weight.shape == (16, 32)
    assert torch.equal(again(torch.tensor([[2, 5, 6, 3]])).logits, logits)
    assert not list(folder.glob("*.bin"))


def test_weights_that_are_missing_are_not_made_up(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    shutil.copytree(tiny_model, tmp_path / "headless")
    config = (tmp_path / "headless" / "config.json").read_bytes()
    BertModel.from_pretrained(tiny_model).save_pretrained(tmp_path / "headless")
    (tmp_path / "headless" / "config.json").write_bytes(config)
    with pytest.raises(BadInput, match=r"headless is not fine-tuned: it has no classification head"):
        load_classifier(tmp_path / "headless")


def test_uneven_shapes_survive_saving(any_model: Path, tmp_path: Path) -> None:
    cut = without(load_classifier(any_model), HEADS, NEURONS)
    cut.save_pretrained(tmp_path / "cut")
    again = load_classifier(tmp_path / "cut").eval()
    assert head_counts(again.config) == [2, 3, 4, 0]
    assert neuron_counts(again.config) == [34, 64, 62, 0]
    assert torch.equal(logits(again), logits(cut))
    assert encoder_macs(again.config) == encoder_macs(cut.config)


def test_uneven_shapes_load_where_pocketbert_is_not_installed(tmp_path: Path) -> None:
    folders = [write_any_model(tmp_path, *kind) for kind in KINDS]
    cuts = {folder.name: without(load_classifier(folder), HEADS, NEURONS) for folder in folders}
    static = Student(init="random", architecture="static")
    cuts["static-texts"] = build(static, cuts["bert-texts"], ["a", "b"], False, 0)[0]
    for name, cut in cuts.items():
        cut.save_pretrained(tmp_path / f"cut-{name}")
    script = (
        "import json, sys, torch; sys.modules['pocketbert'] = None\n"
        "from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification\n"
        f"ids, mask = torch.tensor({IDS.tolist()}), torch.tensor({MASK.tolist()})\n"
        "autos = {'tokens': AutoModelForTokenClassification, 'texts': AutoModelForSequenceClassification}\n"
        "load = lambda name: autos[name.split('-')[-1]].from_pretrained(name, trust_remote_code=True).eval()\n"
        "print(json.dumps([load(name)(ids, attention_mask=mask).logits.tolist() for name in sys.argv[1:]]))"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_MODULES_CACHE": str(tmp_path / "modules")}
    environment["HF_HUB_OFFLINE"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", script, *(str(tmp_path / f"cut-{name}") for name in cuts)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    for cut, said in zip(cuts.values(), json.loads(done.stdout), strict=True):
        assert torch.allclose(seen(torch.tensor(said)), logits(cut), atol=1e-6)
