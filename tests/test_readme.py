"""The Python code of the README runs an exported file as an app would."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest

from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
from tests.support import REPO
from tests.support.pages import blocks


def test_the_snippet_predicts_a_label(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [snippet] = blocks(REPO / "README.md", "python")
    assert len([line for line in snippet.splitlines() if line]) <= 14
    ship = tmp_path / "artifacts/mine/ship"
    (ship / "onnx-int8").mkdir(parents=True)
    shutil.copy(tiny_model / "tokenizer.json", ship)
    export(load_classifier(tiny_model), ship / "onnx-int8/student-int8.onnx", "int8")
    manifest = {"task": {"labels": ["负面", "正面"]}}
    (ship.parent / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(snippet, "README.md", "exec"), {})  # noqa: S102
    assert said.getvalue().strip() in ("负面", "正面")
