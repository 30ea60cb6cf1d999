"""What an export's key depends on."""

from collections.abc import Callable

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.shipping import artifact as export
from pocketbert.compress.pipeline.shipping.artifact import Export, require_exporter


@pytest.mark.parametrize(
    ("format_", "package"),
    [
        ("onnx", "onnxruntime"),
        ("executorch", "executorch"),
        ("executorch", "torchao"),
        ("litert", "ai_edge_litert"),
        ("litert", "litert_torch"),
        ("litert", "litert_quantizer"),
        ("coreml", "coremltools"),
    ],
)
def test_another_version_of_what_a_file_is_made_with_makes_it_anew(
    format_: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(versions: Callable[[str], str]) -> str:
        monkeypatch.setattr(export, "version", versions)
        return Export(format_, "int8").key("source", {})

    before = key(lambda name: "1")
    assert key(lambda name: "1") == before
    assert key(lambda name: "2" if name == package else "1") != before


def test_a_file_for_one_length_is_named_after_it() -> None:
    one, two = (Export("litert", "int4", lengths=lengths) for lengths in ((32,), (32, 128)))
    assert (one.name, one.file) == ("litert-int4-32", "student-int4-32.tflite")
    assert (two.name, two.file) == ("litert-int4", "student-int4.tflite")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("ai_edge_litert", r"^runtime 'litert' is not installed: pip install 'pocketbert\[litert\]'$"),
        (
            "litert_torch",
            r"^litert_torch, which writes litert files, is not installed: pip install 'pocketbert\[litert-export\]'$",
        ),
    ],
)
def test_what_writes_a_file_is_missed_before_anything_is_trained(
    missing: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketbert.compress.runtimes.find_spec", lambda name: None if name == missing else "found")
    with pytest.raises(BadInput, match=said):
        require_exporter("litert", "int8")


def test_a_runtime_that_is_too_old_is_missed_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "version", lambda name: "1.22.1")
    require_exporter("onnx", "int8")
    said = r"^onnxruntime 1\.22\.1 does not open int4 files: pip install 'onnxruntime>=1\.23'$"
    with pytest.raises(BadInput, match=said):
        require_exporter("onnx", "int4")
    monkeypatch.setattr(export, "version", lambda name: "1.23.0")
    require_exporter("onnx", "int4")
