"""What a .pte file says, and what lies in it. An export takes seconds, so the models have one or two layers."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("executorch")
pytest.importorskip("torchao")

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports import INPUTS
from pocketbert.compress.exports import executorch as executorch_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.models.rounding import round_outputs, round_rows
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import Batch, pad
from tests.support.models import write_any_model

TEXTS = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)
TYPES = np.zeros_like(TEXTS["input_ids"])
TYPES[:, 2:] = 1
PAIRS = {**TEXTS, "token_type_ids": TYPES}
LAYER = "bert.encoder.layer.0"
WORDS, POSITIONS, TYPE_TABLE = (f"bert.embeddings.{name}_embeddings" for name in ("word", "position", "token_type"))
KEPT = {f"{LAYER}.attention.output.dense": "float", POSITIONS: "float"}
KEPT_OF_INT4 = {f"{LAYER}.attention.self.value": "int8", f"{LAYER}.output.dense": "float", POSITIONS: "int8"}
SIZES = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 2}
"""Large enough that INT4 is worth while for every matrix but two, the classifier and the token types."""


def said(model: torch.nn.Module, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    """Layers of three heads and of none, FFNs of an odd width, and a token in no text with a row 300 times as large."""
    folder = write_any_model(tmp_path_factory.mktemp("hub"), "bert", **SIZES)
    cut = without(load_classifier(folder), {0: [1], 1: range(4)}, {0: range(9), 1: range(9)})
    with torch.no_grad():
        cut.get_submodule(WORDS).weight[63] *= 300
    return cut


@pytest.fixture(scope="module")
def files(model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An INT8 file, and an INT4 file for pairs."""
    made = {}
    for precision, inputs, kept in (("int8", INPUTS, KEPT), ("int4", tuple(PAIRS), KEPT_OF_INT4)):
        made[precision] = tmp_path_factory.mktemp(precision) / "m.pte"
        assert executorch_export.export(model, made[precision], precision, inputs, kept) is None
        assert [file.name for file in made[precision].parent.iterdir()] == ["m.pte"]
    return made


@pytest.fixture(scope="module")
def int8(files: dict[str, Path]) -> Path:
    return files["int8"]


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


def test_int4_file_answers_nearly_so(model: torch.nn.Module, files: dict[str, Path]) -> None:
    session, expected = open_session("executorch", files["int4"], 1), said(model, PAIRS)
    assert 0 < np.abs(session.logits(PAIRS) - expected).max() < 0.5 * np.abs(expected).max()


ELSEWHERE = """
import json, sys, torch
sys.modules["pocketbert"] = None
import executorch.kernels.quantized
from executorch.runtime import Runtime
method = Runtime.get().load_program(sys.argv[1]).load_method("forward")
inputs = [torch.tensor([row]) for row in json.loads(sys.argv[2])]
print(json.dumps(method.execute(inputs)[0].tolist()))
"""


def test_int4_file_is_opened_where_pocketbert_is_not_installed(files: dict[str, Path]) -> None:
    row = [PAIRS[name][2].tolist() for name in PAIRS]
    command = [sys.executable, "-c", ELSEWHERE, str(files["int4"]), json.dumps(row)]
    answered = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    assert np.allclose(answered, open_session("executorch", files["int4"], 1).logits(PAIRS)[2:], atol=1e-6)


def matrices(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """The weights of linear layers and the tables, by the module's name."""
    weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters() if parameter.dim() == 2}
    return {name.removesuffix(".weight"): weight for name, weight in weights.items()}


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_no_float_matrix_is_in_a_file_but_those_to_be_kept(
    model: torch.nn.Module, files: dict[str, Path], precision: str
) -> None:
    content = files[precision].read_bytes()
    floats = {name for name, weight in matrices(model).items() if weight.tobytes() in content}
    kept = KEPT if precision == "int8" else KEPT_OF_INT4
    # Texts without types need one row of that table, and no row of it is looked up.
    constant = {TYPE_TABLE} if precision == "int8" else set()
    assert floats == {name for name, to in kept.items() if to == "float"} | constant


def test_int4_file_holds_the_integers_of_the_other_formats(model: torch.nn.Module, files: dict[str, Path]) -> None:
    content = files["int4"].read_bytes()
    few = {"classifier", TYPE_TABLE}
    for name, weight in matrices(model).items():
        precision = KEPT_OF_INT4.get(name, "int8" if name in few else "int4")
        if name in (WORDS, POSITIONS, TYPE_TABLE):
            integers = round_rows(weight, precision)[0]
            first, second = integers[:, ::2], integers[:, 1::2]
        elif precision == "int4":
            integers = np.pad(round_outputs(weight, precision)[0], ((0, 0), (0, weight.shape[1] % 2)))
            first, second = integers[:, 1::2], integers[:, ::2]
        else:
            continue
        packed = integers if precision == "int8" else ((first + 8) << 4 | (second + 8)).astype(np.uint8)
        assert packed.tobytes() in content, name


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
    edge = SimpleNamespace(to_executorch=lambda: finished)
    monkeypatch.setattr(executorch_export, "to_edge_transform_and_lower", lambda *_, **__: edge)
    with pytest.raises(OSError, match="no space left"):
        executorch_export.export(model, tmp_path / "m.pte", "fp32")
    assert list(tmp_path.iterdir()) == []
