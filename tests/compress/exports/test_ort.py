"""Files in ONNX Runtime's own format, and the operators that a reduced build has to have."""

import logging
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from transformers import PreTrainedModel

from pocketbert.bench.records.store import Store
from pocketbert.compress.base.files import digest
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports import ort
from pocketbert.compress.exports.ort import required_operators
from pocketbert.compress.runtimes import open_session
from tests.support.exports import BATCH, without_pocketbert

IDS = ("input_ids", "attention_mask")


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_its_answers_are_those_of_the_onnx_file(precision: str, model: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", precision, IDS)
    note = ort.export(model, tmp_path / "m.ort", precision, IDS, {})
    assert (tmp_path / "m.ort").read_bytes()[4:8] == b"ORTM"
    answers = [open_session("onnxruntime", tmp_path / f"m.{suffix}", 1).logits(BATCH) for suffix in ("onnx", "ort")]
    assert np.abs(answers[0] - answers[1]).max() < 1e-5
    assert np.abs(without_pocketbert(tmp_path / "m.ort", BATCH["input_ids"]) - answers[0]).max() < 1e-5
    assert {file.name for file in tmp_path.iterdir()} == {"m.onnx", "m.ort"}
    (store := Store(tmp_path / "store")).put(tmp_path / "m.ort")
    kept = store.find(digest(tmp_path / "m.ort"))
    assert kept is not None and not kept.suffix
    assert np.array_equal(open_session("onnxruntime", kept, 1).logits(BATCH), answers[1])
    size = f"{(tmp_path / 'm.ort').stat().st_size / 1e6:,.1f} MB"
    assert (note or "").startswith("its linear layers are INT8 and its embeddings INT4, " + size) == (
        precision == "int4"
    )


def test_the_version_that_wrote_it_opens_it(tmp_path: Path) -> None:
    major, minor, _ = onnxruntime.__version__.split(".", 2)
    assert ort.min_runtime(tmp_path / "m.ort") == f"ONNX Runtime {major}.{minor}"


def test_a_reduced_build_needs_the_operators_of_all_files(model: PreTrainedModel, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "float.onnx", "fp32", IDS)
    ort.export(model, tmp_path / "int8.ort", "int8", IDS, {})
    listed = {}
    for names in (("float.onnx",), ("int8.ort",), ("float.onnx", "int8.ort")):
        required_operators([tmp_path / name for name in names], tmp_path / "needed.config")
        first, *lines = (tmp_path / "needed.config").read_text().splitlines()
        assert first == f"# {', '.join(names)}"
        assert str(tmp_path) not in first
        found = [line.split(";") for line in lines]
        listed[names] = {(domain, op) for domain, _, operators in found for op in operators.split(",")}
    assert ("ai.onnx", "LayerNormalization") in listed["float.onnx",]
    assert ("com.microsoft", "DynamicQuantizeMatMul") in listed["int8.ort",] - listed["float.onnx",]
    assert listed["float.onnx", "int8.ort"] == listed["float.onnx",] | listed["int8.ort",]
    assert {file.name for file in tmp_path.iterdir()} == {"float.onnx", "int8.ort", "needed.config"}


def test_the_list_of_operators_is_written_without_a_log_message(
    model: PreTrainedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "fp32", IDS)
    with caplog.at_level(logging.DEBUG):
        required_operators([tmp_path / "m.onnx"], tmp_path / "required_operators.config")
    assert not [record for record in caplog.records if record.name != "filelock"]
