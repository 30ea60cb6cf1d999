"""The Python code for taggers makes the inputs that the tagger was trained on, and reads its tags."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pocketbert.compress.exports.onnx import export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.tasks.tagging import Tagging
from pocketbert.compress.tasks.tokenizer import plain
from tests.support import REPO
from tests.support.models import write_any_model
from tests.support.pages import blocks
from tests.support.tokenizers import unigram, wordpiece


@pytest.mark.parametrize("page", ["on-the-phone.md", "on-the-phone.zh.md"])
@pytest.mark.parametrize("tokenizer", [wordpiece(), unigram()], ids=["wordpiece", "unigram"])
def test_the_snippet_reads_tags(
    page: str, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ["O", "B-PER", "I-PER"]
    tokenizer.no_padding()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "num_labels": len(labels), "num_hidden_layers": 1}
    tagger = load_classifier(write_any_model(tmp_path, "bert", token_level=True, **sizes))
    export(tagger, tmp_path / "student-int8.onnx", "int8")
    [snippet] = blocks(REPO / "docs" / page, "python")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(compile(snippet, page, "exec"), found)  # noqa: S102
    expected = Tagging(labels, 64).encode(plain(tokenizer), {"tokens": [found["parts"]]})
    assert found["ids"].tolist() == expected.sequences
    assert found["first"].tolist() == expected.scored[0]
    assert found["tags"].shape == (len(found["parts"]),)
