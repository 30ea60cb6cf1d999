"""What holds for BERT holds for its relatives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch
from transformers import GPT2Config, MobileBertConfig, RobertaConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports.forward import PlainClassifier
from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.families import (
    classify,
    embed,
    encoder_layers,
    family,
    head_counts,
    is_token_level,
    neuron_counts,
    positions,
)
from pocketbert.compress.models.modeling_uneven import load_classifier
from pocketbert.compress.models.sizes import count_macs, count_parameters, encoder_macs
from pocketbert.compress.pruning.importance import masks
from pocketbert.compress.pruning.surgery import keep_layers, without
from pocketbert.compress.runtimes import open_session
from tests.support.models import HEADS as KINDS
from tests.support.models import write_any_model

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 1]])  # 1 pads: RoBERTa counts positions around it
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
HEADS = {0: [0, 3], 1: [2], 3: [0, 1, 2, 3]}
NEURONS = {0: list(range(10, 40)), 2: [0, 63], 3: list(range(64))}
TYPES = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 1, 1, 0]])


def seen(out: torch.Tensor) -> torch.Tensor:
    """Logits of texts, or of the tokens that are no padding."""
    return out[MASK.bool()] if out.dim() == 3 else out


def logits(model: torch.nn.Module, **inputs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return seen(model(input_ids=IDS, attention_mask=MASK, **inputs).logits)


def test_masked_and_cut_give_the_same_logits(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    with masks(model) as put, torch.no_grad():
        for layer, units in HEADS.items():
            put.heads[layer][:, units] = 0.0
        for layer, units in NEURONS.items():
            put.neurons[layer][:, units] = 0.0
        masked = logits(model)
    cut = without(model, HEADS, NEURONS)
    assert (logits(cut) - masked).abs().max() < 1e-5
    assert (logits(cut) - logits(model)).abs().max() > 1e-4, "pruning did nothing, the test proves nothing"
    assert count_parameters(cut) < count_parameters(model)
    assert count_macs(cut) < count_macs(model)
    assert not [name for name, weight in cut.state_dict().items() if weight.numel() == 0]


def test_left_out_layers_are_skipped_layers(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    with torch.no_grad():
        hidden = embed(model, IDS)
        for layer in (0, 3):
            hidden = encoder_layers(model)[layer](hidden, MASK[:, None, None, :].bool())
        skipped = classify(model, hidden)
    assert (logits(keep_layers(model, [0, 3])) - seen(skipped)).abs().max() < 1e-5


def test_the_head_is_told_by_the_model_and_by_its_configuration(any_model: Path) -> None:
    model = load_classifier(any_model).eval()
    token_level = any_model.name.endswith("tokens")
    cut = without(model, HEADS, NEURONS)
    for asked in (model, model.config, cut, keep_layers(cut, [0, 3])):
        assert is_token_level(asked) == token_level
    assert logits(cut).shape == ((9, 2) if token_level else (2, 2))
    per_text = (
        count_macs(model, 7) - count_macs(model, 5) - (encoder_macs(model.config, 7) - encoder_macs(model.config, 5))
    )
    head = 2 * 2 * 32 if token_level else 0
    assert per_text == head + 2 * (16 * 32 if "electra" in any_model.name else 0)


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
    for name, cut in cuts.items():
        cut.save_pretrained(tmp_path / f"cut-{name}")
    script = (
        "import json, sys, torch; sys.modules['compress'] = None\n"
        "from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification\n"
        f"ids, mask = torch.tensor({IDS.tolist()}), torch.tensor({MASK.tolist()})\n"
        "autos = {'tokens': AutoModelForTokenClassification, 'texts': AutoModelForSequenceClassification}\n"
        "load = lambda name: autos[name.split('-')[-1]].from_pretrained(name, trust_remote_code=True).eval()\n"
        "print(json.dumps([load(name)(ids, attention_mask=mask).logits.tolist() for name in sys.argv[1:]]))"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_MODULES_CACHE": str(tmp_path / "modules")}
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


def test_uneven_models_are_exported(any_model: Path, tmp_path: Path) -> None:
    cut = without(load_classifier(any_model), HEADS, NEURONS)
    types = torch.zeros_like(TYPES) if cut.config.type_vocab_size == 1 else TYPES  # RoBERTa has but one
    expected = logits(cut, token_type_ids=types)
    assert bool((expected - logits(cut)).abs().max() > 1e-4) == bool(types.any()), "types did nothing"
    with torch.no_grad():
        assert (seen(PlainClassifier(cut)(IDS, MASK)) - logits(cut)).abs().max() < 1e-5
        assert (seen(PlainClassifier(cut)(IDS, MASK, types)) - expected).abs().max() < 1e-5
        assert (seen(classify(cut, encode(cut, types))) - expected).abs().max() < 1e-5
    batch = {"input_ids": IDS.numpy(), "attention_mask": MASK.numpy()}
    for precision, allowed in (("fp32", 1e-5), ("int8", 0.3)):
        assert export(cut, tmp_path / "m.onnx", precision) is None
        answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(batch)
        assert (seen(torch.from_numpy(answer)) - logits(cut)).abs().max() < allowed
        [declared] = onnx.load(tmp_path / "m.onnx").graph.output
        axes = [axis.dim_param or axis.dim_value for axis in declared.type.tensor_type.shape.dim]
        assert axes == (["batch", "length", 2] if is_token_level(cut) else ["batch", 2])


def encode(model: torch.nn.Module, types: torch.Tensor) -> torch.Tensor:
    hidden = embed(model, IDS, types)
    for layer in encoder_layers(model):
        hidden = layer(hidden, MASK[:, None, None, :].bool())
    return hidden


def test_cutting_twice_counts_what_is_left(any_model: Path) -> None:
    once = without(load_classifier(any_model), {0: [0], 1: [0, 1, 2, 3]}, {0: [0]})
    twice = without(once, {0: [2]}, {0: [62]})
    assert head_counts(twice.config) == [2, 0, 4, 4]
    assert neuron_counts(twice.config)[0] == 62
    with pytest.raises(BadInput, match="layer 0 has no head 2; legal: 0 to 1"):
        without(twice, {0: [2]}, {})
    with pytest.raises(BadInput, match="layer 1 has no head 0; legal: none"):
        without(twice, {1: [0]}, {})


def test_any_other_architecture_is_refused() -> None:
    with pytest.raises(BadInput, match="a gpt2 model cannot be compressed; legal: bert, roberta, electra, ernie"):
        family(GPT2Config())
    for ask in (family, head_counts, neuron_counts):
        with pytest.raises(BadInput, match="a mobilebert model cannot be compressed"):
            ask(MobileBertConfig())


def test_positions_that_a_text_may_take() -> None:
    assert positions(MobileBertConfig(max_position_embeddings=512)) == 512
    assert positions(RobertaConfig(max_position_embeddings=514, pad_token_id=1)) == 512
