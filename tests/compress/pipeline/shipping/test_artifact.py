"""What an export's key depends on."""

from collections.abc import Callable

import pytest

from pocketbert.compress.pipeline.shipping import artifact as export
from pocketbert.compress.pipeline.shipping.artifact import Export


@pytest.mark.parametrize(
    ("format_", "package"),
    [("onnx", "onnxruntime"), ("executorch", "executorch"), ("executorch", "torchao"), ("coreml", "coremltools")],
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
