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
from pocketbert.compress.runtimes.coreml import WEIGHTS, ProgramSession
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


LAYER = "bert.encoder.layer.0"
KEPT = {f"{LAYER}.attention.self.key": "float", "bert.embeddings.word_embeddings": "float"}
KEPT_OF_INT4 = KEPT | {f"{LAYER}.attention.self.value": "int8", "bert.embeddings.position_embeddings": "int8"}


@pytest.fixture(scope="module")
def packages(uneven: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    made = {}
    for precision, kept, system in (("int8", KEPT, 16), ("int4", KEPT_OF_INT4, 18)):
        made[precision] = folder / precision / "m.mlpackage"
        made[precision].parent.mkdir()
        note = coreml.export(uneven, made[precision], precision, PAIRS, kept)
        checked = "converted, its specification and weights checked"
        assert note == f"not run here: {checked}; iOS {system} or later, up to 64 tokens"
        assert [file.name for file in made[precision].parent.iterdir()] == ["m.mlpackage"]
    return made


@pytest.fixture(scope="module")
def package(packages: dict[str, Path]) -> Path:
    return packages["int8"]


@pytest.mark.parametrize(("precision", "error"), [("int8", 0.05), ("int4", 0.5)])
def test_a_package_answers_nearly_as_its_source(
    uneven: torch.nn.Module, packages: dict[str, Path], precision: str, error: float
) -> None:
    expected, answer = answers(uneven), ProgramSession(packages[precision]).logits(BATCH)
    assert 0 < np.abs(answer - expected).max() < error * np.abs(expected).max()
    assert np.abs(expected - answers(uneven, PAIRS[:2])).max() > 0.05 * np.abs(expected).max(), "types do nothing"


def test_the_first_layer_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_classifier(write_any_model(tmp_path, "bert", **SIZES))
    monkeypatch.setattr(coreml, "export", spoiling(1, coreml.export))
    made = verified(model, Export("coreml", "fp16"), tmp_path / "m.mlpackage")
    assert (made.failed or "").endswith("; first in layer 1")


def test_every_matrix_has_its_type(packages: dict[str, Path]) -> None:
    words, positions, query, key, value = (
        f"p_{name}_weight"
        for name in (
            "embeddings_word_embeddings",
            "embeddings_position_embeddings",
            *(f"layers_0_attention_self_{part}" for part in ("query", "key", "value")),
        )
    )
    for precision, kept in (("int8", {}), ("int4", {positions: "int8", value: "int8"})):
        stored = ProgramSession(packages[precision]).constants
        types = {
            name.removesuffix("_quantized").removesuffix("_to_fp16"): constant.type
            for name, constant in stored.items()
            if constant.values.size > 2048
        }
        wanted = dict.fromkeys((positions, query, value), precision) | {words: "float16", key: "float16"} | kept
        assert wanted.items() <= types.items()
        others = {type_ for name, type_ in types.items() if name not in wanted}
        assert others == {precision}


def test_int4_takes_half_the_bytes_of_int8(packages: dict[str, Path]) -> None:
    int8, int4 = ((packages[precision] / WEIGHTS).stat().st_size for precision in ("int8", "int4"))
    assert int4 < 0.75 * int8  # with what `KEPT` names in FP16 in both


def test_what_is_stored_is_held_against_the_source(uneven: torch.nn.Module, package: Path) -> None:
    forward, _ = traceable(uneven)
    own = {id(uneven.get_submodule(name).weight): to for name, to in KEPT.items()}
    right = list(coreml._matrices(forward, PAIRS, "int8", own))
    coreml._check_weights(package, right)
    coreml._check_size(package, forward, right)
    whole = list(coreml._matrices(forward, PAIRS, "int8", {}))
    missing = r"hold embeddings\.word_embeddings\.weight, \(64, 64\), in INT8; 2 of 13 weights were skipped"
    with pytest.raises(ValueError, match=missing):
        coreml._check_weights(package, whole)
    with pytest.raises(ValueError, match=r"holds .* bytes of weights, expected at most .*: weights were skipped"):
        coreml._check_size(package, forward, [each._replace(type="int4") for each in right])
    other = copy.deepcopy(forward)
    with torch.no_grad():
        other.classifier.weight[0, 0] += 0.01
    wrong = [each._replace(weight=other.get_parameter(each.name)) for each in right]
    with pytest.raises(ValueError, match=r"not hold classifier\.weight, \(2, 64\), in FP16; 1 of 13"):
        coreml._check_weights(package, wrong)
    coreml._check_interface(package, PAIRS, 64)
    with pytest.raises(ValueError, match="declares the inputs"):
        coreml._check_interface(package, PAIRS[:2], 64)


def test_a_weight_that_the_converter_skips_is_an_error(
    uneven: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def skipping(*_: object, **__: object) -> None:
        """Choose no blocks, as for a width that a block does not divide."""

    monkeypatch.setattr(coreml.coremltools.optimize._utils, "infer_block_sizes", skipping)
    with pytest.raises(ValueError, match=r"m\.mlpackage does not hold .*, in INT4; \d+ of 13 weights were skipped"):
        coreml.export(uneven, tmp_path / "m.mlpackage", "int4", PAIRS)
    assert not list(tmp_path.iterdir())


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
