"""The schema of a results file: places and failures as texts, outcomes packed, what may not be said."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pocketbert.bench.records.outcomes import pack, unpack
from pocketbert.bench.records.results import Accuracy, Failure, Latency, Machine, Measured, Place, Results, load_results
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json
from tests.support import REPO

ONE = Interval(estimate=1, low=1, high=1)


@pytest.fixture(scope="module")
def results() -> Results:
    return load_results(REPO / "reports/offline.json")


def accuracy(outcomes: np.ndarray) -> Accuracy:  # type: ignore[type-arg]
    rows = len(outcomes)
    return Accuracy(metric="m", value=0.5, scores={}, rows=rows, drop=None, test_sha256="", **pack(outcomes))


@pytest.mark.parametrize("rows", [1, 8, 13])
def test_right_and_wrong_rows_survive_packing(rows: int) -> None:
    outcomes = np.arange(rows) % 3 == 0
    found = unpack(accuracy(outcomes))
    assert found.dtype == np.bool_
    assert found.tolist() == outcomes.tolist()


def test_counts_above_a_byte_survive_packing(results: Results) -> None:
    outcomes = np.array([[0, 1, 2], [300, 65535, 256]])
    packed = accuracy(outcomes)
    assert unpack(packed).tolist() == outcomes.tolist()
    older = packed.model_copy(update={"correct": bytes([1, 2, 3, 4, 5, 6]).hex()})
    assert unpack(older).tolist() == [[1, 2, 3], [4, 5, 6]], "one byte each, as older files have it"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure(metric="memory", words="no reply: 180 s"), "memory: no reply: 180 s"),
        (Failure(metric="latency", profile="cpu", words="it died"), "latency cpu: it died"),
        (Failure(metric="latency", profile="cpu", length="mix", words="a/b: c"), "latency cpu/mix: a/b: c"),
    ],
)
def test_a_failure_is_one_line_of_the_file(failure: Failure, text: str) -> None:
    assert failure.model_dump() == text
    assert Failure.model_validate(text) == failure


def test_a_place_is_written_as_one_word() -> None:
    assert str(Place("mobile-1t", "128")) == "mobile-1t/128"
    assert Place.parse("mobile-1t/128") == Place("mobile-1t", "128")


@pytest.mark.parametrize("change", [{"profile": "cpu/"}, {"length": ""}, {"length": "/mix"}])
def test_a_profile_and_a_length_make_a_place(change: dict[str, str]) -> None:
    entry = {"profile": "cpu", "length": "128", "runs": 1, "p50_ms": 1, "p90_ms": 1, "ratio": ONE, "samples_ms": [1.0]}
    assert Latency.model_validate(entry).place == Place("cpu", "128")
    with pytest.raises(ValidationError, match="String should match pattern"):
        Latency.model_validate(entry | change)


def test_a_sparse_copy_has_no_latency_of_its_own(results: Results) -> None:
    artifact = results.artifact(results.reference).model_dump()
    sparse = artifact | {"dense": "03-distill.torch", "latency": []}
    assert Measured.model_validate(sparse).dense == "03-distill.torch"
    entry = Latency(profile="cpu", length="128", runs=1, p50_ms=1, p90_ms=1, ratio=ONE, samples_ms=[1.0])
    with pytest.raises(ValidationError, match=r"is a sparse copy of 03-distill\.torch and must have no latency"):
        Measured.model_validate(sparse | {"latency": [entry.model_dump()]})


def test_a_partial_run_has_a_name_of_its_own(results: Results) -> None:
    assert (results.name, results.model_copy(update={"part": True}).name) == ("offline", "offline.part")


def test_versions_that_changed_appeared_or_went(results: Results) -> None:
    machine: Machine = results.machine.model_copy(update={"versions": {"torch": "2", "onnx": "1", "same": "1"}})
    changed = machine.changed_versions({"torch": "1", "same": "1", "tokenizers": "3"})
    assert changed == {"onnx": ("", "1"), "tokenizers": ("3", ""), "torch": ("1", "2")}


def test_a_file_survives_writing_and_refuses_what_it_does_not_know(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_json(path, results)
    assert load_results(path) == results
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weather": "fine"}))
    with pytest.raises(BadInput, match=r"r\.json: weather: unknown key"):
        load_results(path)


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", ".x", "x\n", "", "a b", "x" * 101])  # noqa: S108
def test_a_recipe_whose_name_leaves_its_folder_is_refused(results: Results, tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.json"
    write_json(path, results.model_copy(update={"recipe": name}))
    with pytest.raises(BadInput, match=r"r\.json: recipe = .*it becomes a file name, so use ASCII letters, digits"):
        load_results(path)


@pytest.mark.parametrize(("rows", "outcomes"), [(9, np.ones(8, np.bool_)), (3, np.ones((2, 3), np.int64))])
def test_outcomes_of_fewer_rows_are_refused(rows: int, outcomes: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValidationError, match=f"do not hold the outcomes of {rows} rows"):
        Accuracy(metric="m", value=0.5, scores={}, rows=rows, drop=None, test_sha256="", **pack(outcomes))


def test_a_reference_that_is_no_artifact_is_refused(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_json(path, results.model_copy(update={"reference": "gone"}))
    with pytest.raises(BadInput, match=r"r\.json: reference 'gone' is not among the artifacts; run the gate again"):
        load_results(path)


def test_outcomes_are_bits_or_the_three_counts_of_entities() -> None:
    with pytest.raises(ValidationError, match="counts"):
        Accuracy(metric="m", value=0.5, scores={}, rows=1, drop=None, test_sha256="", counts=7, correct="00" * 14)  # type: ignore[arg-type]


def test_a_length_of_thousands_of_digits_is_too_long_for_every_model() -> None:
    assert not Place("cpu", "9" * 5000).fits(512)
    assert Place("cpu", "512").fits(512, None)
    assert Place("cpu", "mix").fits(1)
