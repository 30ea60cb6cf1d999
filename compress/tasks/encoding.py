"""Texts -> padded batches, with the `tokenizers` library alone, so that scoring a file needs no transformers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from compress.errors import BadInput
from compress.runtimes import Batch

PAD_TOKENS = ("[PAD]", "<pad>")


def load_tokenizer(path: Path, max_length: int) -> Tokenizer:
    """A `tokenizer.json` that cuts at `max_length` tokens, special ones included; `BadInput` if it is none."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput(f"{path}: not a tokenizer.json ({str(error).splitlines()[0]})") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """The id of the padding token.

    Raises:
        BadInput: the vocabulary has none of the names BERT-family models use.
    """
    for token in PAD_TOKENS:
        if (found := tokenizer.token_to_id(token)) is not None:
            return found
    raise BadInput(f"tokenizer: no padding token; one of {', '.join(PAD_TOKENS)} must be in the vocabulary")


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, special tokens included."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def batches(sequences: Sequence[Sequence[int]], size: int, padding: int) -> Iterator[tuple[NDArray[np.intp], Batch]]:
    """Batches of sequences of similar length: (row numbers, padded batch)."""
    order = np.argsort([len(s) for s in sequences], kind="stable")
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield rows, pad([sequences[row] for row in rows], padding)


def pad(sequences: Sequence[Sequence[int]], padding: int) -> Batch:
    """One batch, padded to its longest sequence."""
    longest = max(len(s) for s in sequences)
    ids = np.full((len(sequences), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def predict(
    logits: Callable[[Batch], NDArray[np.float32]],
    sequences: Sequence[Sequence[int]],
    padding: int,
    size: int = 32,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Logits of every sequence in the order given, (rows, labels); `progress` is told how many rows each batch had."""
    found: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    for rows, batch in batches(sequences, size, padding):
        found.append((rows, logits(batch)))
        progress(len(rows))
    out = np.empty((len(sequences), *found[0][1].shape[1:]), dtype=np.float32)
    for rows, values in found:
        out[rows] = values
    return out
