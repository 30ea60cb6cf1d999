"""INT8 in PyTorch: what is stored is what was judged, and nobody takes it for floats."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.exports.torch import export
from pocketbert.compress.models.int8 import WEIGHTS, Int8Embedding, load_quantized, quantize
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.tasks.inputs import Batch, pad
from tests.support.models import write_any_model

BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)
PAIRS = {**BATCH, "token_type_ids": (np.arange(8) > 3) * BATCH["attention_mask"]}


@pytest.fixture(scope="module")
def uneven(tiny_model: Path) -> torch.nn.Module:
    """A layer without heads, one without FFN."""
    return without(load_classifier(tiny_model), {0: [1], 1: range(4), 3: [0, 2]}, {2: range(64), 3: range(10)})


@torch.inference_mode()
def answers(model: torch.nn.Module, batch: Batch) -> np.ndarray:
    return model(**{name: torch.from_numpy(values) for name, values in batch.items()}).logits.numpy()


def check(model: torch.nn.Module, folder: Path, batch: Batch) -> dict[str, torch.Tensor]:
    """The folder says what the model it was made from said, to the last bit; what it stores."""
    expected, exact = answers(quantize(model), batch), answers(model, batch)
    assert export(model, folder, "int8") is None
    assert np.array_equal(open_session("torch", folder, 1).logits(batch), expected)
    assert 0 < np.abs(expected - exact).max() < 0.3 * np.abs(exact).max()
    return load_file(folder / WEIGHTS)


def test_a_table_is_half_a_step_off_at_most() -> None:
    torch.manual_seed(0)
    table = torch.nn.Embedding.from_pretrained(torch.randn(50, 32) * torch.logspace(-4, 2, 50)[:, None] + 3)
    table.weight[7], table.weight[8] = 0, 5
    ids = torch.arange(50).expand(2, 50)
    step = (table.weight.amax(dim=1) - table.weight.amin(dim=1)) / 255
    apart = (Int8Embedding.of(table)(ids) - table(ids)).abs().amax(dim=-1)
    assert (apart <= 0.501 * step + 1e-6).all()
    assert (apart[:, [7, 8]] == 0).all()
    assert (apart[:, -1] > 0.4 * step[-1]).all()


def test_every_family_is_stored_in_integers_and_answers_the_same(any_model: Path, tmp_path: Path) -> None:
    batch = BATCH if "roberta" in any_model.name else PAIRS
    stored = check(load_classifier(any_model), tmp_path / "int8", batch)
    matrices = {name: tensor.dtype for name, tensor in stored.items() if tensor.ndim > 1}
    assert set(matrices.values()) == {torch.int8, torch.uint8}
    assert {name for name, dtype in matrices.items() if dtype == torch.uint8} == {
        name for name in matrices if "_embeddings." in name
    }


@pytest.mark.parametrize("token_level", [False, True])
def test_mobilebert(token_level: bool, tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "mobilebert", token_level))
    assert sum(tensor.dtype == torch.int8 for tensor in check(model, tmp_path / "int8", PAIRS).values()) > 4 * 10


def test_layers_without_heads_or_neurons(uneven: torch.nn.Module, tmp_path: Path) -> None:
    stored = check(uneven, tmp_path, BATCH)
    assert stored["bert.encoder.layer.0.attention.self.query.weight"].shape == (24, 32)
    assert "bert.encoder.layer.1.attention.output.dense.weight" not in stored
    assert stored["bert.encoder.layer.1.attention.output.dense.bias"].dtype == torch.float32


FRESH = """
import json, sys
import numpy as np
from pathlib import Path
from pocketbert.compress.runtimes import open_session
batch = {name: np.array(values) for name, values in json.load(sys.stdin).items()}
print(open_session("torch", Path(sys.argv[1]), 1).logits(batch).tobytes().hex())
print(sorted(name for name in sys.modules if name.startswith("pocketbert.compress.exports")))
"""


def test_a_fresh_process_answers_the_same_to_the_last_bit(uneven: torch.nn.Module, tmp_path: Path) -> None:
    export(uneven, tmp_path / "int8", "int8")
    expected = open_session("torch", tmp_path / "int8", 1).logits(PAIRS)
    sent = json.dumps({name: values.tolist() for name, values in PAIRS.items()})
    command = [sys.executable, "-c", FRESH, str(tmp_path / "int8")]
    said, exports = subprocess.run(command, input=sent, capture_output=True, text=True, check=True).stdout.split("\n")[
        :2
    ]
    assert said == expected.tobytes().hex()
    assert exports == "[]", "a runtime needs no exporter"


def test_matrices_that_stay_float(uneven: torch.nn.Module, tmp_path: Path) -> None:
    kept = ["classifier", "bert.encoder.layer.0.output.dense", "bert.embeddings.word_embeddings"]
    export(uneven, tmp_path / "some", "int8", kept=dict.fromkeys(kept, "float"))
    stored, source = load_file(tmp_path / "some" / WEIGHTS), uneven.state_dict()
    assert {name.removesuffix(".weight") for name, t in stored.items() if t.ndim > 1 and t.is_floating_point()} == {
        *kept
    }
    assert all(torch.equal(stored[f"{name}.weight"], source[f"{name}.weight"]) for name in kept)
    answer = open_session("torch", tmp_path / "some", 1).logits(BATCH)
    assert np.array_equal(answer, answers(quantize(uneven, kept), BATCH))
    assert not np.array_equal(answer, answers(quantize(uneven), BATCH))


def test_transformers_does_not_take_integers_for_weights(uneven: torch.nn.Module, tmp_path: Path) -> None:
    export(uneven, tmp_path, "int8")
    assert not [file.name for file in tmp_path.iterdir() if file.suffix not in (".json", ".safetensors", ".py")]
    assert json.loads((tmp_path / "config.json").read_text())["pocketbert_precision"] == "int8"
    with pytest.raises(BadInput, match=r"no file named model\.safetensors"):
        load_classifier(tmp_path)


def test_weights_of_another_model_are_refused(uneven: torch.nn.Module, tmp_path: Path) -> None:
    export(uneven, tmp_path, "int8")
    stored = load_file(tmp_path / WEIGHTS)
    lacking = "bert.embeddings.LayerNorm.bias"
    save_file({name: tensor for name, tensor in stored.items() if name != lacking}, tmp_path / WEIGHTS)
    with pytest.raises(
        BadInput, match=r"model-int8\.safetensors: bert\.embeddings\.LayerNorm\.bias does not fit config"
    ):
        load_quantized(tmp_path)
    save_file({**stored, "bert.more": torch.zeros(1)}, tmp_path / WEIGHTS)
    with pytest.raises(BadInput, match=r"bert\.more does not fit config\.json"):
        load_quantized(tmp_path)


def test_a_float_folder_whose_config_names_no_type_is_opened(tmp_path: Path) -> None:
    """Google's BERT and Huawei's TinyBERT have none."""
    folder = write_any_model(tmp_path, "bert")
    before = open_session("torch", folder, 1).logits(BATCH)
    described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del described["model_type"]
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
    assert np.array_equal(open_session("torch", folder, 1).logits(BATCH), before)
