"""Tensors and operators are asked of the module that bears the runtime's name."""

from pathlib import Path

from pocketbert.bench.workers import inside
from pocketbert.bench.workers.file import File


def test_a_runtime_without_a_module_has_neither(tmp_path: Path) -> None:
    assert inside.tensors("no-such-runtime", tmp_path) is None
    assert inside.profile(File("no-such-runtime", tmp_path), 1, []) is None


def test_a_runtime_may_have_one_of_the_two(tmp_path: Path) -> None:
    assert inside.tensors("executorch", tmp_path) is None
    assert inside.profile(File("coreml", tmp_path), 1, []) is None


def test_a_broken_file_has_no_tensors(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no graph")
    (tmp_path / "model.safetensors").write_bytes(b"no header")
    assert inside.tensors("onnxruntime", tmp_path / "m.onnx") is None
    assert inside.tensors("torch", tmp_path) is None
