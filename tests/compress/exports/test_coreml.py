"""Core ML packages: converted here, and worked out in NumPy, since they cannot be run."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("coremltools")

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import INPUTS, coreml
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.build import build
from pocketbert.compress.pipeline.evaluate import evaluate_file
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes.coreml import ProgramSession
from pocketbert.compress.tasks.inputs import pad
from tests.support.exports import spoiling, verified
from tests.support.models import write_any_model

PAIRS = ("input_ids", "attention_mask", "token_type_ids")
SIZES = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 2}
"""Large enough that every matrix but one is worth quantizing."""
SEQUENCES = [[2, 5, 6, 7, 3], [2, 3], [2, 9, 10, 11, 12, 13, 14, 3]]
BATCH = pad(SEQUENCES, 0, [[0] * (len(ids) // 2) + [1] * (len(ids) - len(ids) // 2) for ids in SEQUENCES])


def answers(model: torch.nn.Module, inputs: tuple[str, ...] = PAIRS) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(BATCH[name]) for name in inputs}).logits.numpy()


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    folder = write_any_model(tmp_path_factory.mktemp("hub"), "bert", **SIZES)
    return without(load_classifier(folder), {0: [1], 1: range(4)}, {0: range(10)}).eval()


KEPT = "bert.encoder.layer.0.attention.self.key"


@pytest.fixture(scope="module")
def package(uneven: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packages") / "m.mlpackage"
    note = coreml.export(uneven, path, "int8", PAIRS, [KEPT])
    assert note == ("not run here: converted, its specification and weights checked; iOS 16 or later, up to 64 tokens")
    assert [file.name for file in path.parent.iterdir()] == ["m.mlpackage"]
    return path


def test_an_int8_package_answers_nearly_as_its_source(uneven: torch.nn.Module, package: Path) -> None:
    expected, answer = answers(uneven), ProgramSession(package).logits(BATCH)
    assert 0 < np.abs(answer - expected).max() < 0.05 * np.abs(expected).max()
    assert np.abs(expected - answers(uneven, PAIRS[:2])).max() > 0.05 * np.abs(expected).max(), "types do nothing"


def test_the_first_layer_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert", **SIZES))
    monkeypatch.setattr(coreml, "export", spoiling(1, coreml.export))
    made = verified(model, Export("coreml", "fp16"), tmp_path / "m.mlpackage")
    assert (made.failed or "").endswith("; first in layer 1")


def test_every_matrix_is_int8_but_what_is_to_stay_float(package: Path) -> None:
    stored = ProgramSession(package).constants
    int8 = {name.removesuffix("_to_fp16_quantized") for name, constant in stored.items() if constant.int8}
    assert {"p_embeddings_word_embeddings_weight", "p_layers_0_attention_self_query_weight"} < int8
    assert "p_layers_0_attention_self_key_weight" not in int8
    floats = {name for name, constant in stored.items() if constant.values.size >= 2048 and not constant.int8}
    assert floats == {"p_layers_0_attention_self_key_weight_to_fp16"}


def test_what_is_stored_is_held_against_the_source(uneven: torch.nn.Module, package: Path) -> None:
    forward, _ = traceable(uneven)
    kept = [uneven.get_submodule(KEPT).weight]
    coreml._check_weights(package, coreml._matrices(forward, PAIRS), "int8", kept)
    with pytest.raises(ValueError, match=r"hold layers\.0\.attention\.self\.key\.weight, \(48, 64\), in INT8"):
        coreml._check_weights(package, coreml._matrices(forward, PAIRS), "int8", [])
    other = copy.deepcopy(forward)
    still = [other.layers[0].attention.self.key.weight]
    with torch.no_grad():
        other.classifier.weight[0, 0] += 0.01
    with pytest.raises(ValueError, match=r"not hold classifier\.weight, \(2, 64\), in FP16"):
        coreml._check_weights(package, coreml._matrices(other, PAIRS), "int8", still)
    coreml._check_interface(package, PAIRS, 64)
    with pytest.raises(ValueError, match="declares the inputs"):
        coreml._check_interface(package, PAIRS[:2], 64)


def test_an_export_that_fails_leaves_nothing(
    uneven: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Program:
        def save(self, path: str) -> None:
            Path(path, "Data").mkdir(parents=True)
            raise OSError("disk full")

    monkeypatch.setattr(coreml, "_converted", lambda *_: Program())
    with pytest.raises(OSError, match="disk full"):
        coreml.export(uneven, tmp_path / "m.mlpackage", "fp16")
    assert not list(tmp_path.iterdir())


def test_a_tagger_of_a_family_without_a_plain_forward(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = load_classifier(write_any_model(tmp_path, "mobilebert", token_level=True, num_hidden_layers=1)).eval()
    with torch.no_grad():  # scores that a mask of -1e4 would not hide
        model.mobilebert.encoder.layer[0].attention.self.query.weight *= 1e4
    capfd.readouterr()
    note = coreml.export(model, tmp_path / "m.mlpackage", "fp16", PAIRS)
    assert capfd.readouterr() == ("", "")
    assert note.endswith("; mobilebert has no plain forward here: its layers are exported as transformers has them")
    visible = BATCH["attention_mask"].astype(bool)
    expected = answers(model)[visible]
    answer = ProgramSession(tmp_path / "m.mlpackage").logits(BATCH)[visible]
    assert np.abs(answer - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.slow
def test_every_family(any_model: Path, tmp_path: Path) -> None:
    model = load_classifier(any_model).eval()
    coreml.export(model, tmp_path / "m.mlpackage", "fp16")
    visible = BATCH["attention_mask"].astype(bool) if any_model.name.endswith("tokens") else slice(None)
    expected = answers(model, INPUTS)[visible]
    answer = ProgramSession(tmp_path / "m.mlpackage").logits(BATCH)[visible]
    assert np.abs(answer - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.slow
def test_a_build_ships_it_beside_what_runs_here(tiny_recipe: Path, tmp_path: Path) -> None:
    text = tiny_recipe.read_text()
    shipped = '[[artifact]]\nformat = "coreml"\nprecision = "int8"\n[[artifact]]\nformat = "onnx"\n'
    tiny_recipe.write_text(text[: text.index("[[stage]]")] + shipped)
    with Progress() as progress:
        manifest = build(load_recipe(tiny_recipe), tmp_path / "built", "", progress)
    package = manifest.artifact("student-int8.mlpackage")
    assert (package.role, package.runtime, package.precision) == ("ship", "coreml", "int8")
    assert package.parity is not None
    assert (package.parity.rows, package.parity.label_agreement) == (20, 1.0)
    step = next(step for step in manifest.steps if step.name == "coreml-int8")
    assert (step.decision, step.comparison) == ("accepted", None)
    assert step.remarks == [
        "not run here: converted, its specification and weights checked; iOS 16 or later, up to 64 tokens"
    ]
    again = load_manifest(tmp_path / "built/manifest.json")
    assert again.artifact("student-int8.mlpackage").bytes == package.bytes
    with pytest.raises(BadInput, match="coreml does not run here"), Progress() as progress:
        evaluate_file(tmp_path / "built" / package.path, load_recipe(tiny_recipe), "test", progress)
