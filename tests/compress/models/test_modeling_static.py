"""A classifier without layers: what it computes, and that files and folders of it compute the same."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports import torch as torch_export
from pocketbert.compress.models.modeling_static import StaticConfig, StaticForSequenceClassification
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.sizes import count_macs, count_parameters, encoder_macs
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.stages.prune_vocab import _with_rows

SEPARATOR = 3
IDS = torch.tensor([[2, 5, 6, 3, 7, 3], [2, 8, 3, 9, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]])
TYPES = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]])
"""The second text of each pair, from its first separator on."""


def static(separator: int | None = None) -> StaticForSequenceClassification:
    torch.manual_seed(0)
    config = StaticConfig(vocab_size=80, hidden_size=48, num_labels=3, initializer_range=0.5, sep_token_id=separator)
    return StaticForSequenceClassification(config).eval()


@torch.no_grad()
def logits(model: torch.nn.Module, types: Tensor | None = None) -> Tensor:
    found: Tensor = model(input_ids=IDS, attention_mask=MASK, token_type_ids=types).logits
    return found


@torch.no_grad()
def test_a_text_is_the_mean_of_its_tokens() -> None:
    model = static()
    words = model.get_input_embeddings()
    expected = torch.stack([words(ids[mask.bool()]).mean(dim=0) for ids, mask in zip(IDS, MASK, strict=True)])
    assert torch.allclose(logits(model), model.classifier(expected), atol=1e-6)
    assert torch.allclose(model(IDS[:1]).logits, logits(model)[:1], atol=1e-6), "without a mask every token counts"


@torch.no_grad()
def test_a_pair_is_two_means_and_how_they_differ() -> None:
    model = static(SEPARATOR)
    words = model.get_input_embeddings()
    u, v = (
        torch.stack([words(ids[keep]).mean(dim=0) for ids, keep in zip(IDS, kept, strict=True)])
        for kept in ((TYPES == 0) & (MASK == 1), TYPES == 1)
    )
    expected = model.classifier(torch.cat([u, v, (u - v).abs(), u * v], dim=1))
    assert torch.allclose(logits(model), expected, atol=1e-6), "where the tokenizer gives no token types"
    assert torch.allclose(logits(model, TYPES), expected, atol=1e-6)


@pytest.mark.parametrize("separator", [None, SEPARATOR])
def test_a_folder_is_opened_again(tmp_path: Path, separator: int | None) -> None:
    model = static(separator)
    model.save_pretrained(tmp_path)
    again = load_classifier(tmp_path)
    assert torch.equal(logits(again), logits(model))
    assert list(again.state_dict()) == ["static.embeddings.word_embeddings.weight", *_CLASSIFIER]


_CLASSIFIER = ["classifier.weight", "classifier.bias"]


@pytest.mark.parametrize("separator", [None, SEPARATOR], ids=["texts", "pairs"])
@pytest.mark.parametrize("typed", [False, True], ids=["", "typed"])
def test_exported_files_compute_the_same(tmp_path: Path, separator: int | None, typed: bool) -> None:
    if typed and separator is None:
        pytest.skip("single texts have no token types")
    model, batch = static(separator), {"input_ids": IDS.numpy(), "attention_mask": MASK.numpy()}
    if typed:
        batch["token_type_ids"] = TYPES.numpy()
    exact = logits(model, TYPES if typed else None).numpy()
    for precision, allowed in (("fp32", 1e-5), ("int8", 0.1), ("int4", 0.5)):
        onnx_export.export(model, tmp_path / "m.onnx", precision, tuple(batch))
        answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(batch)
        assert np.abs(answer - exact).max() < allowed, precision
        single = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits({k: v[:1, :4] for k, v in batch.items()})
        assert single.shape == (1, 3), "batch and length are free"
    floats = [t for t in onnx.load(tmp_path / "m.onnx").graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert all(len(tensor.dims) < 2 for tensor in floats), "the embedding matrix stayed float"
    torch_export.export(model, tmp_path / "m.torch", "int8")
    assert np.abs(open_session("torch", tmp_path / "m.torch", 1).logits(batch) - exact).max() < 0.1


def test_sizes() -> None:
    model = static(SEPARATOR)
    assert count_parameters(model) == 80 * 48 + 4 * 48 * 3 + 3
    assert (encoder_macs(model.config), count_macs(model)) == (0, 4 * 48 * 3)


def test_its_vocabulary_can_be_pruned() -> None:
    """The separator keeps its meaning under its new id."""
    model = static(SEPARATOR)
    kept = [0, 2, 3, 5, 6, 7, 8, 9]
    small = _with_rows(model, kept)
    assert small.config.sep_token_id == 2
    renumbered = torch.tensor([[kept.index(number) for number in row] for row in IDS.tolist()])
    with torch.no_grad():
        assert torch.equal(small(renumbered, MASK).logits, logits(model))
