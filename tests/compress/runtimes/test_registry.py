"""A runtime is one new file and its line in `RUNTIMES`; a runtime that is not installed is reported in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress import runtimes
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, open_session, require
from tests.support.exports import BATCH

NEW_FILE = """
class Session:
    def __init__(self, *opened):
        self.opened = opened

    def logits(self, batch):
        return batch["input_ids"][:, :2].astype("float32")


def open_session(path, threads, inputs=None):
    return Session(path, threads, inputs)
"""


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "dummy.py").write_text(NEW_FILE, encoding="utf-8")
    monkeypatch.setattr(runtimes, "__path__", [*runtimes.__path__, str(tmp_path)])
    monkeypatch.setitem(RUNTIMES, "dummy", "json")
    yield
    sys.modules.pop(f"{runtimes.__name__}.dummy", None)


@pytest.mark.usefixtures("dummy")
def test_a_runtime_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session("dummy", tmp_path / "m", 2, {"ids": "input_ids"})
    assert session.opened == (tmp_path / "m", 2, {"ids": "input_ids"})  # type: ignore[attr-defined]
    assert np.array_equal(session.logits(BATCH), BATCH["input_ids"][:, :2])
    monkeypatch.setitem(RUNTIMES, "dummy", "no-such-package")
    with pytest.raises(BadInput, match="runtime 'dummy' is not installed: pip install no-such-package"):
        open_session("dummy", tmp_path / "m", 2)


def test_an_unknown_runtime_is_refused(tmp_path: Path) -> None:
    known = ", ".join([*RUNTIMES, *EMULATED])
    with pytest.raises(BadInput, match=f"unknown runtime 'tflite'; allowed: {known}"):
        open_session("tflite", tmp_path, 1)


@pytest.mark.parametrize(
    ("runtime", "package"),
    [
        ("onnxruntime", "onnxruntime"),
        ("torch", r"'pocketbert\[build\]'"),
        ("executorch", r"'pocketbert\[executorch\]'"),
        ("litert", r"'pocketbert\[litert\]'"),
        ("coreml", r"'pocketbert\[coreml\]'"),
    ],
)
def test_a_missing_package_is_named(runtime: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketbert.compress.runtimes.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=f"'{runtime}' is not installed: pip install {package}"):
        require(runtime)
