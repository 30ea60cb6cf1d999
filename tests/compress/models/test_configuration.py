"""What a configuration says and its class does not do is refused; what it does otherwise is translated."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, RobertaConfig

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.models.configuration import fit_padding, translated
from pocketbert.compress.models.families import head_counts, neuron_counts
from pocketbert.compress.models.pretrained import load_classifier, load_teacher, read_config
from pocketbert.compress.pruning.surgery import without
from tests.support.uneven import IDS, MASK, logits

PRUNED = {0: [0, 2], 1: [1]}


def edited(model: Path, folder: Path, **changes: object) -> Path:
    """A copy of a model's folder with other entries in config.json."""
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("is_decoder", True, "is_decoder in config.json says that this is a decoder"),
        ("add_cross_attention", True, "add_cross_attention in config.json says that this is a model that reads"),
        (
            "position_embedding_type",
            "relative_key",
            "position_embedding_type in config.json is 'relative_key'; allowed",
        ),
        (
            "auto_map",
            {"AutoModelForSequenceClassification": "custom.MeanPoolBert"},
            "auto_map in config.json names the model's own class 'custom.MeanPoolBert', and only",
        ),
        ("quantization_config", {"quant_method": "gptq"}, "quantization_config in config.json says that this is quant"),
    ],
)
def test_what_the_class_would_ignore_is_refused(
    key: str, value: object, said: str, tiny_model: Path, tmp_path: Path
) -> None:
    folder = edited(tiny_model, tmp_path / "model", **{key: value})
    for tuned in (False, True):
        with pytest.raises(BadInput, match=f"^teacher.model '.*': {said}"):
            load_teacher(str(folder), ["a", "b"], tmp_path, tuned=tuned)
    with pytest.raises(BadInput, match=said):
        load_classifier(folder)
    config = edited(tiny_model, tmp_path / "right", position_embedding_type="absolute", is_decoder=False)
    load_classifier(config)


def test_kernels_and_types_of_the_training_change_nothing(tiny_model: Path, tmp_path: Path) -> None:
    """A kernel that is not installed here, half precision, and outputs that nobody reads."""
    odd = edited(
        tiny_model,
        tmp_path / "odd",
        attn_implementation="flash_attention_2",
        dtype="float16",
        return_dict=False,
        output_hidden_states=True,
        chunk_size_feed_forward=3,
    )
    model = load_classifier(odd)
    assert (model.config._attn_implementation, model.dtype) == ("sdpa", torch.float32)
    assert torch.equal(logits(model), logits(load_classifier(tiny_model)))
    model.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved/config.json").read_text(encoding="utf-8"))
    assert saved["dtype"] == "float32"
    assert "attn_implementation" not in saved


def test_heads_that_transformers_4_pruned_are_per_layer_widths(tiny_model: Path, tmp_path: Path) -> None:
    expected = without(load_classifier(tiny_model), PRUNED, {})
    folder = edited(
        tiny_model, tmp_path / "pruned", pruned_heads={str(layer): heads for layer, heads in PRUNED.items()}
    )
    save_file(expected.state_dict(), folder / "model.safetensors", {"format": "pt"})
    model = load_classifier(folder)
    assert head_counts(model.config) == [2, 3, 4, 4]
    assert torch.equal(model(IDS, MASK).logits, expected(IDS, MASK).logits)
    teacher, _ = load_teacher(str(folder), ["a", "b", "c"], tmp_path)
    teacher.save_pretrained(tmp_path / "again")
    assert "pruned_heads" not in (tmp_path / "again/config.json").read_text(encoding="utf-8")
    assert head_counts(load_classifier(tmp_path / "again").config) == [2, 3, 4, 4]
    shutil.copy(tiny_model / "model.safetensors", folder)  # none is gone from the weights
    with pytest.raises(BadInput, match=r"dense\.weight, or their shape is another than config\.json says"):
        load_classifier(folder)


def test_a_layer_whose_heads_transformers_4_all_pruned(tiny_model: Path, tmp_path: Path) -> None:
    """It stored empty weights, which have no place in our class; weights that are not empty stay refused."""
    gone, layer = {1: [0, 3], 2: [0, 1, 2, 3]}, "bert.encoder.layer.2.attention"
    expected = without(load_classifier(tiny_model), gone, {})
    folder = edited(tiny_model, tmp_path / "pruned", pruned_heads={str(n): heads for n, heads in gone.items()})
    empty = {f"{layer}.output.dense.weight": torch.zeros(32, 0)}
    for name in ("query", "key", "value"):
        empty |= {f"{layer}.self.{name}.weight": torch.zeros(0, 32), f"{layer}.self.{name}.bias": torch.zeros(0)}
    save_file(expected.state_dict() | empty, folder / "model.safetensors", {"format": "pt"})
    model = load_classifier(folder)
    assert head_counts(model.config) == [4, 2, 0, 4]
    assert torch.equal(model(IDS, MASK).logits, expected(IDS, MASK).logits)
    teacher, _ = load_teacher(str(folder), ["a", "b", "c"], tmp_path)
    teacher.save_pretrained(tmp_path / "again")
    assert head_counts(load_classifier(tmp_path / "again").config) == [4, 2, 0, 4]
    full = {name: torch.ones(32, 32) if weight.dim() > 1 else torch.ones(32) for name, weight in empty.items()}
    save_file(expected.state_dict() | full, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match=rf"no place for 7 of its weights, such as {layer}\.output\.dense\.weight"):
        load_classifier(folder)


@pytest.mark.parametrize("value", ["x", [1], {"x": [0]}, {"0": 1}, {"0": ["y"]}])
def test_pruned_heads_of_another_form_are_named(value: object) -> None:
    with pytest.raises(BadInput, match=r"^it: pruned_heads in config\.json is .*; expected: \{\"0\": \[1, 2\]\}"):
        translated(BertConfig(pruned_heads=value), "it")


def test_widths_that_the_class_ignores_are_removed() -> None:
    config = translated(BertConfig(layer_heads=[1, 2], layer_intermediate=[3, 4], num_hidden_layers=3), "it")
    assert head_counts(config) == [12, 12, 12]
    assert neuron_counts(config) == [3072] * 3


def test_no_pruned_heads_are_no_widths(tiny_model: Path, tmp_path: Path) -> None:
    config = read_config(str(edited(tiny_model, tmp_path / "none", pruned_heads={})), "it")
    assert config.model_type == "bert"
    assert not hasattr(config, "pruned_heads")


def test_the_padding_id_is_the_tokenizers(tiny_model: Path, tmp_path: Path) -> None:
    for wrong in (None, 99):
        folder = edited(tiny_model, tmp_path / str(wrong), pad_token_id=wrong)
        model, tokenizer = load_teacher(str(folder), ["a", "b"], tmp_path)
        assert model.config.pad_token_id == tokenizer.pad_token_id == 0
        assert torch.equal(logits(load_classifier(folder)), logits(load_classifier(tiny_model)))
    with pytest.raises(BadInput, match=r"padding token has the id 30, its embedding matrix has 30 rows; use the token"):
        fit_padding(BertConfig(vocab_size=30), 30, "it")


def test_a_roberta_counts_its_positions_from_the_padding_id() -> None:
    for wrong, said in ((None, "null"), (99, "99")):
        with pytest.raises(BadInput, match=f"pad_token_id in config.json is {said}, and a roberta model counts"):
            translated(RobertaConfig(pad_token_id=wrong, vocab_size=50), "it")
    fit_padding(RobertaConfig(pad_token_id=1), 1, "it")
    with pytest.raises(BadInput, match=r"is 0, its tokenizer's padding token has the id 1, and a roberta model counts"):
        fit_padding(RobertaConfig(pad_token_id=0), 1, "it")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architectures": [["BertForSequenceClassification"]]}, "architectures in config.json is "),
        ({"id2label": {"0": "neg", "5": "pos"}}, r"id2label in config.json has the numbers \[0, 5\]; expected: 0, 1"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers in config.json is 1000000000; allowed: up to 1000"),
    ],
)
def test_values_that_no_model_has_are_named(
    tiny_model: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        read_config(str(edited(tiny_model, tmp_path / "model", **changes)), "the model")
