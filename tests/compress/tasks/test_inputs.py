from pathlib import Path

import numpy as np

from pocketbert.compress.tasks.inputs import Inputs, predict
from pocketbert.compress.tasks.tokenizer import encode_texts, load_tokenizer, pad_id


def test_texts_are_cut_and_padded(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model / "tokenizer.json")
    sequences, _, cut = encode_texts(tokenizer, ["好" * 20, "差"], 8)
    assert cut == 1
    assert [len(s) for s in sequences] == [8, 3]
    assert sequences[0][0] == 2 and sequences[0][-1] == 3
    assert pad_id(tokenizer) == 0


def test_predict_keeps_the_order_of_the_rows() -> None:
    sequences = [[5] * n for n in (7, 1, 4, 9, 2)]
    seen: list[int] = []
    out = predict(
        lambda batch: batch["attention_mask"].sum(axis=1, keepdims=True).astype(np.float32),
        Inputs(sequences, 0),
        size=2,
        progress=seen.append,
    )
    assert out[:, 0].tolist() == [7, 1, 4, 9, 2]
    assert sum(seen) == 5
