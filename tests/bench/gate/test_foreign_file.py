"""A file that somebody else made, listed by hand under its own input names, is weighed like any other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.fft
import onnx
import pytest

from pocketbert.bench.records.results import load_results
from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import profile
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.manifest import load_manifest
from tests.support.manifests import VOCABULARY, Run, write_by_hand, write_odd
from tests.support.models import write_tiny_model

pytest_plugins = "pytester"
INPUTS = {"ids": "input_ids", "segments": "token_type_ids", "mask": "attention_mask"}
BATCH = {"input_ids": np.array([[1, 2, 3]]), "attention_mask": np.ones((1, 3), dtype=np.int64)}


@pytest.fixture
def manifest(pytester: pytest.Pytester) -> Path:
    return write_by_hand(pytester.path / "m")


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.usefixtures("two_sets")
def test_it_is_weighed(bench: Run, manifest: Path, pytester: pytest.Pytester) -> None:
    result = bench(manifest, "--gate-profiles=mobile-1t")
    assert result.ret == 0
    results = load_results(pytester.path / "reports/by-hand.json")
    theirs, ours = results.artifact("theirs"), results.artifact("teacher")
    assert theirs.inputs == INPUTS
    assert theirs.accuracy and ours.accuracy and theirs.accuracy.value == ours.accuracy.value > 0.9
    assert theirs.latency and theirs.memory and not theirs.failures


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"idz": "input_ids"}, "the graph's inputs are ids, segments, mask; `inputs` names idz"),
        (None, "the graph has an input 'ids'; known: input_ids, attention_mask; map its names to these by `inputs`"),
    ],
)
def test_names_that_are_not_the_graphs_fail_that_artifact_in_one_line(
    bench: Run, manifest: Path, inputs: object, words: str
) -> None:
    edit(manifest, lambda m: m["artifacts"][1].update(inputs=inputs))
    result = bench(manifest, "--gate-profiles=mobile-1t", "-m", "accuracy")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert words in result.stdout.str()


def test_weights_beside_the_graph_are_weighed(bench: Run, manifest: Path, pytester: pytest.Pytester) -> None:
    path = manifest.with_name("theirs.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="theirs.data", size_threshold=64)
    bench(manifest, "--gate-profiles=mobile-1t", "-m", "size or accuracy")
    theirs = load_results(pytester.path / "reports/by-hand.part.json").artifact("theirs")
    files = (path, path.with_name("theirs.data"))
    assert theirs.size and theirs.size.bytes == sum(file.stat().st_size for file in files)
    assert theirs.accuracy and not theirs.failures
    assert theirs.sha256 == digest(path)


@pytest.mark.usefixtures("two_sets")
def test_a_graph_of_one_row_and_one_length_is_weighed(bench: Run, manifest: Path, pytester: pytest.Pytester) -> None:
    """As NNAPI and QNN want them."""
    write_odd(manifest.with_name("theirs.onnx"), shape=(1, 160))
    bench(manifest, "--gate-profiles=mobile-1t")
    theirs = load_results(pytester.path / "reports/by-hand.json").artifact("theirs")
    assert theirs.accuracy and theirs.memory and len(theirs.latency) == 2 and not theirs.failures


def test_a_folder_where_a_file_is_wanted_is_refused(bench: Run, manifest: Path) -> None:
    manifest.with_name("theirs").mkdir()
    manifest.with_name("theirs.onnx").rename(manifest.with_name("theirs") / "model.onnx")
    edit(manifest, lambda m: m["artifacts"][1].update(path="theirs"))
    result = bench(manifest, "--gate-profiles=mobile-1t")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "theirs: is a folder; expected for onnxruntime: a file" in result.stdout.str()


@pytest.mark.usefixtures("tiny_model")  # PyTorch, first imported while a pytester is open, cannot be imported again
@pytest.mark.slow
def test_a_model_of_short_texts_is_asked_about_short_ones(
    bench: Run, manifest: Path, pytester: pytest.Pytester
) -> None:
    model = write_tiny_model(manifest.with_name("theirs"), vocab_size=len(VOCABULARY))  # of 64 positions
    short = {"path": model.name, "runtime": "torch", "inputs": None}
    edit(manifest, lambda m: (m["task"].update(max_length=48), m["artifacts"][1].update(short)))
    bench(manifest, "--gate-profiles=mobile-1t", "-m", "memory or accuracy")
    theirs = load_results(pytester.path / "reports/by-hand.part.json").artifact("theirs")
    assert theirs.memory and theirs.accuracy and not theirs.failures


def test_names_that_are_not_ours_are_refused_at_the_door(bench: Run, manifest: Path) -> None:
    edit(manifest, lambda m: m["artifacts"][1].update(inputs={"ids": "tokens"}))
    with pytest.raises(BadInput, match='artifacts entry 2: inputs: ids = "tokens": expected one of "input_ids"'):
        load_manifest(manifest)
    edit(manifest, lambda m: m["artifacts"][1].update(inputs=INPUTS, runtime="torch"))
    with pytest.raises(BadInput, match="'theirs': a Hugging Face folder takes no `inputs`"):
        load_manifest(manifest)


def test_a_graph_of_other_input_names_is_profiled(tmp_path: Path) -> None:
    write_odd(tmp_path / "theirs.onnx")
    found = profile(File("onnxruntime", tmp_path / "theirs.onnx", INPUTS), 1, [BATCH])
    assert found and "Gather" in {operator.name for operator in found}
