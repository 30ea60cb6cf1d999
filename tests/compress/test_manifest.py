import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import digest
from pocketbert.compress.manifest import Comparison, load_manifest
from pocketbert.compress.tasks import open_task


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    for name in ("a.onnx", "tokenizer.json", "test.jsonl"):
        (tmp_path / name).write_bytes(b"x")
    raw = {
        "schema": 1,
        "recipe": "r",
        "task": {"kind": "classification", "labels": ["a", "b"], "max_length": 16, "test": "test.jsonl"},
        "reference": "a",
        "artifacts": [
            {
                "id": "a",
                "role": "reference",
                "runtime": "onnxruntime",
                "path": "a.onnx",
                "tokenizer": "tokenizer.json",
                "sha256": digest(tmp_path / "a.onnx"),
            }
        ],
    }
    return tmp_path / "manifest.json", raw


def complaint(path: Path, raw: object) -> str:
    path.write_text(json.dumps(raw))
    with pytest.raises(BadInput) as error:
        load_manifest(path)
    assert str(path.parent) in str(error.value)
    return str(error.value)


def test_loads(written: tuple[Path, dict[str, Any]]) -> None:
    path, raw = written
    path.write_text(json.dumps(raw))
    assert load_manifest(path).artifact("a").path == "a.onnx"


def test_fewer_positions_than_the_texts_have_tokens(written: tuple[Path, dict[str, Any]]) -> None:
    written[1]["artifacts"][0]["positions"] = 8
    assert "a: positions = 8, but task.max_length is 16, and no text is truncated; build again with a" in complaint(
        *written
    )


def test_the_longest_length_of_a_file_counts_as_its_positions(written: tuple[Path, dict[str, Any]]) -> None:
    path, raw = written
    raw["artifacts"][0]["lengths"] = [8, 16]
    path.write_text(json.dumps(raw), encoding="utf-8")
    assert load_manifest(path).artifact("a").positions == 16
    raw["artifacts"][0]["lengths"] = [8, 12]
    assert "a: lengths = [8, 12], but task.max_length is 16, and no text is truncated" in complaint(path, raw)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"model_type": "bert", "max_position_embeddings": 64}, 64),
        ({"model_type": "uneven_roberta", "max_position_embeddings": 66, "pad_token_id": 1}, 64),
        ({"model_type": "roberta", "max_position_embeddings": 66}, None),
        ({"model_type": "bert", "max_position_embeddings": "many"}, None),
        ({"model_type": "bert", "max_position_embeddings": float("inf")}, None),
        ([], None),
    ],
)
def test_positions_of_a_folder_are_in_its_configuration(
    written: tuple[Path, dict[str, Any]], config: object, found: int | None
) -> None:
    path, raw = written
    (path.parent / "model").mkdir()
    (path.parent / "model/config.json").write_text(json.dumps(config), encoding="utf-8")
    entry = raw["artifacts"][0]
    entry |= {"runtime": "torch", "path": "model", "sha256": None}
    path.write_text(json.dumps(raw))
    assert load_manifest(path).artifact("a").positions == found
    if found:
        raw["task"]["max_length"] = 65
        assert "a: positions = 64, but task.max_length is 65" in complaint(path, raw)
    entry["positions"] = 32
    raw["task"]["max_length"] = 16
    path.write_text(json.dumps(raw))
    assert load_manifest(path).artifact("a").positions == 32


def test_file_missing(written: tuple[Path, dict[str, Any]]) -> None:
    (written[0].parent / "a.onnx").unlink()
    assert "'a.onnx' does not exist" in complaint(*written)


def test_sha_differs(written: tuple[Path, dict[str, Any]]) -> None:
    (written[0].parent / "a.onnx").write_bytes(b"y")
    assert "SHA-256" in complaint(*written)


@pytest.mark.parametrize("path", ["../outside.onnx", "/etc/hostname", "link.onnx"])
def test_path_leaves_its_folder(written: tuple[Path, dict[str, Any]], path: str) -> None:
    (written[0].parent.parent / "outside.onnx").write_bytes(b"x")
    (written[0].parent / "link.onnx").symlink_to("../outside.onnx")
    written[1]["artifacts"][0]["path"] = path
    assert "leaves its folder" in complaint(*written)


def test_dense_is_a_listed_artifact_and_of_a_stage(written: tuple[Path, dict[str, Any]]) -> None:
    path, raw = written
    entry = raw["artifacts"][0]
    more = {"id": "b", "role": "stage", "dense": "c"}
    assert "b: dense 'c' is not among the artifacts" in complaint(path, raw | {"artifacts": [entry, entry | more]})
    more |= {"role": "ship", "dense": "a"}
    assert "dense is allowed with role 'stage' only" in complaint(path, raw | {"artifacts": [entry, entry | more]})


def test_other_schema_unknown_key_unknown_reference_not_json(written: tuple[Path, dict[str, Any]]) -> None:
    path, raw = written
    assert "schema is 2, this version reads 1" in complaint(path, raw | {"schema": 2})
    assert "colour" in complaint(path, raw | {"colour": "red"})
    assert "reference 'b'" in complaint(path, raw | {"reference": "b"})
    assert "twice" in complaint(path, raw | {"artifacts": raw["artifacts"] * 2})
    shipped = {"artifacts": [raw["artifacts"][0] | {"role": "ship"}]}
    assert "reference 'a' has the role 'ship' and would be compared with itself" in complaint(path, raw | shipped)
    path.write_text("{")
    with pytest.raises(BadInput, match="not JSON"):
        load_manifest(path)
    with pytest.raises(BadInput, match="pocketbert build"):
        load_manifest(path.with_name("none.json"))


@pytest.mark.parametrize(
    ("key", "value", "said"), [("confidence", 95, "more than 0.5 and"), ("max_drop", 1, "0 or more and")]
)
def test_what_a_gate_cannot_judge_by_is_refused(
    written: tuple[Path, dict[str, Any]], key: str, value: float, said: str
) -> None:
    path, raw = written
    assert f"{key} = {value}: expected a number, {said} less than 1" in complaint(path, raw | {key: value})


def test_a_comparison_has_the_paired_drop_of_its_task() -> None:
    task, gold = open_task("classification", ["a", "b"], 16), [0, 1, 1, 0]
    reference = np.eye(2, dtype=np.float32)[gold]
    candidate = reference.copy()
    candidate[0] = [0, 1]
    found = Comparison.of(task, gold, reference, candidate, 0.9)
    assert (found.metric, found.value, found.reference, found.drop, found.rows) == ("accuracy", 0.75, 1.0, 0.25, 4)
    outcomes = task.outcomes(candidate, gold)
    assert found.as_drop() == task.drop(task.outcomes(reference, gold), outcomes, 0.9)
    assert found.low < found.drop < found.high
    assert Comparison.scored(task, gold, reference, outcomes, 0.75, 0.9) == found


def test_a_link_inside_a_folder_does_not_leave_it(written: tuple[Path, dict[str, Any]]) -> None:
    path, raw = written
    (path.parent / "model").mkdir()
    (path.parent / "model/weights").write_bytes(b"x")
    (path.parent / "model/same").symlink_to("weights")
    raw["artifacts"][0] |= {"path": "model", "runtime": "torch", "sha256": digest(path.parent / "model")}
    path.write_text(json.dumps(raw))
    load_manifest(path)
    (path.parent / "model/secret").symlink_to("/etc/passwd")
    assert "'model': the link 'secret' leaves it" in complaint(path, raw)


@pytest.mark.parametrize("name", ["a" * 5000, "a/" * 3000, "zero\0byte", "half\ud800"])
def test_what_cannot_be_a_path_is_refused(written: tuple[Path, dict[str, Any]], name: str) -> None:
    written[1]["artifacts"][0]["tokenizer"] = name
    said = complaint(*written)
    assert any(words in said for words in ("cannot be", "does not exist", "holds half of a character"))


def test_a_pipe_is_refused_before_it_is_opened(written: tuple[Path, dict[str, Any]]) -> None:
    os.mkfifo(written[0].parent / "pipe")
    written[1]["task"]["test"] = "pipe"
    assert "is a named pipe" in complaint(*written)
