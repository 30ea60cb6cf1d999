"""What a .pte file says, and what lies in it. An export takes seconds, so the models have one or two layers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("executorch")
pytest.importorskip("torchao")

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import executorch as executorch_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import Batch, pad
from tests.support.models import write_any_model

TEXTS = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)
TYPES = np.zeros_like(TEXTS["input_ids"])
TYPES[:, 2:] = 1
PAIRS = {**TEXTS, "token_type_ids": TYPES}
KEPT, QUANTIZED = (f"bert.encoder.layer.0.{name}.dense" for name in ("attention.output", "intermediate"))


def said(model: torch.nn.Module, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    """Layers of three heads and of none."""
    folder = write_any_model(tmp_path_factory.mktemp("hub"), "bert", num_hidden_layers=2)
    return without(load_classifier(folder), {0: [1], 1: range(4)}, {0: range(10)})


@pytest.fixture(scope="module")
def int8(model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "m.pte"
    assert executorch_export.export(model, path, "int8", keep_float=[KEPT]) is None
    assert [file.name for file in path.parent.iterdir()] == ["m.pte"]
    return path


def test_float_file_of_pairs_answers_as_its_source(model: torch.nn.Module, tmp_path: Path) -> None:
    executorch_export.export(model, tmp_path / "m.pte", "fp32", tuple(PAIRS))
    session = open_session("executorch", tmp_path / "m.pte", 1)
    assert np.abs(session.logits(PAIRS) - said(model, PAIRS)).max() < 1e-5
    assert np.abs(session.logits(TEXTS) - said(model, TEXTS)).max() < 1e-5
    assert np.abs(said(model, PAIRS) - said(model, TEXTS)).max() > 1e-2, "types did nothing"


def test_int8_file_answers_nearly_so_at_any_length(model: torch.nn.Module, int8: Path) -> None:
    session = open_session("executorch", int8, 1)
    assert 0 < np.abs(session.logits(TEXTS) - said(model, TEXTS)).max() < 0.1
    for length in (1, 2, 3, 64):
        text = {"input_ids": np.full((1, length), 5), "attention_mask": np.ones((1, length), dtype=np.int64)}
        assert np.abs(session.logits(text) - said(model, text)).max() < 0.1
    with pytest.raises(BadInput, match=r"m\.pte: takes 64 tokens at most, got 65"):
        session.logits({name: np.ones((1, 65), dtype=np.int64) for name in TEXTS})


def test_int8_file_holds_no_float_matrix_but_those_to_be_kept(model: torch.nn.Module, int8: Path) -> None:
    content = int8.read_bytes()
    floats = {
        name
        for name, weight in model.named_parameters()
        if weight.dim() == 2 and weight.detach().numpy().tobytes() in content
    }
    # Texts without types need one row of that table, and no row of it is looked up.
    assert floats - {"bert.embeddings.token_type_embeddings.weight"} == {f"{KEPT}.weight"}
    assert model.get_submodule(QUANTIZED).weight.dim() == 2


@pytest.mark.parametrize("family", ["roberta", "electra", "ernie", "mobilebert"])
def test_taggers_of_every_family(family: str, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, family, token_level=True, num_hidden_layers=1)).eval()
    note = executorch_export.export(model, tmp_path / "m.pte", "int8")
    assert (note is not None) == (family == "mobilebert")
    batch = TEXTS if family != "roberta" else pad([row[row != 0].tolist() for row in TEXTS["input_ids"]], 1)
    answer, expected = open_session("executorch", tmp_path / "m.pte", 1).logits(batch), said(model, batch)
    assert answer.shape == expected.shape == (3, 8, 2)
    seen = batch["attention_mask"].astype(bool)
    assert 0 < np.abs(answer - expected)[seen].max() < 0.05 * np.abs(expected[seen]).max()


def test_a_failed_export_leaves_nothing(
    model: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(stream: Any) -> None:
        stream.write(b"half a file")
        raise OSError("no space left")

    finished = SimpleNamespace(write_to_file=half)
    edge = SimpleNamespace(transform=lambda _: SimpleNamespace(to_executorch=lambda: finished))
    monkeypatch.setattr(executorch_export, "to_edge_transform_and_lower", lambda *_, **__: edge)
    with pytest.raises(OSError, match="no space left"):
        executorch_export.export(model, tmp_path / "m.pte", "fp32")
    assert list(tmp_path.iterdir()) == []
