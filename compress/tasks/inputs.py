"""Texts -> padded batches, with the `tokenizers` library alone, so that scoring a file needs no transformers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    import torch

Batch = Mapping[str, NDArray[np.int64]]
"""``input_ids`` and ``attention_mask``, of pairs perhaps ``token_type_ids``, each (rows, tokens)."""
Columns = Mapping[str, Sequence[Any]]
"""The rows of a split: name of a column -> its values."""


@dataclass(frozen=True)
class Inputs:
    """What a model reads, and where its answers stand.

    Args:
        sequences: token ids of each input, special tokens included.
        padding: the id that fills a batch up.
        types: token types of pairs; None where the tokenizer tells the two texts apart by separators alone.
        scored: tagging: of each input the positions whose logits count, one per word; None: one answer per input.
        rows: the row that each input belongs to; None: one input per row.
        cut: how many rows were cut at the task's length.
    """

    sequences: list[list[int]]
    padding: int
    types: list[list[int]] | None = None
    scored: list[list[int]] | None = None
    rows: list[int] | None = None
    cut: int = 0

    def __len__(self) -> int:
        return len(self.sequences)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """How many answers the inputs up to each one have, it included."""
        counts = [1] * len(self) if self.scored is None else list(map(len, self.scored))
        return np.cumsum(counts, dtype=np.int64)

    def answers(self, numbers: Sequence[int] | NDArray[np.intp]) -> NDArray[np.int64]:
        """Where the answers of these inputs stand among the answers of all, in the order given."""
        if self.scored is None:
            return np.asarray(numbers, dtype=np.int64)
        parts = [np.arange(self.ends[n] - len(self.scored[n]), self.ends[n]) for n in numbers]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def first(self, rows: int) -> "Inputs":
        """The inputs of the first so many rows."""
        count = rows if self.rows is None else sum(row < rows for row in self.rows)
        return replace(
            self,
            sequences=self.sequences[:count],
            types=self.types and self.types[:count],
            scored=self.scored and self.scored[:count],
            rows=self.rows and self.rows[:count],
        )

    def begins(self) -> list[list[int]]:
        """One input of each row: the first, where a long row has several."""
        if self.rows is None:
            return self.sequences
        first = dict(zip(reversed(self.rows), reversed(self.sequences), strict=True))
        return [first[row] for row in sorted(first)]

    def padded(self, numbers: Sequence[int] | NDArray[np.intp]) -> Batch:
        """One batch of these inputs, padded to the longest of them."""
        return pad(
            [self.sequences[n] for n in numbers],
            self.padding,
            None if self.types is None else [self.types[n] for n in numbers],
        )

    def tensors(
        self, numbers: Sequence[int] | NDArray[np.intp], device: "torch.device | str" = "cpu"
    ) -> "dict[str, torch.Tensor]":
        """One batch of these inputs as int64 tensors, (inputs, tokens) each, by the names a model takes them under."""
        return as_tensors(self.padded(numbers), device)

    def positions(self, numbers: Sequence[int] | NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Where in a batch of these inputs the answers stand: (which of them, token); None: one answer per input."""
        if self.scored is None:
            return None
        scored = [self.scored[n] for n in numbers]
        inputs = np.repeat(np.arange(len(scored)), list(map(len, scored)))
        return inputs, np.array([at for positions in scored for at in positions], dtype=np.intp)


def as_tensors(batch: Batch, device: "torch.device | str" = "cpu") -> "dict[str, torch.Tensor]":
    """A padded batch as int64 tensors on `device`."""
    import torch

    return {name: torch.from_numpy(values).to(device) for name, values in batch.items()}


def batches(inputs: Inputs, size: int) -> Iterator[tuple[NDArray[np.intp], Batch]]:
    """Batches of inputs of similar length: (numbers of the inputs, padded batch)."""
    order = np.argsort([len(sequence) for sequence in inputs.sequences], kind="stable")
    for start in range(0, len(order), size):
        numbers = order[start : start + size]
        yield numbers, inputs.padded(numbers)


def pad(sequences: Sequence[Sequence[int]], padding: int, types: Sequence[Sequence[int]] | None = None) -> Batch:
    """One batch, padded to its longest sequence."""
    longest = max(len(s) for s in sequences)
    ids = np.full((len(sequences), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    batch = {"input_ids": ids, "attention_mask": mask}
    if types is not None:
        batch["token_type_ids"] = np.zeros_like(ids)
        for row, kinds in enumerate(types):
            batch["token_type_ids"][row, : len(kinds)] = kinds
    return batch


def predict(
    logits: Callable[[Batch], NDArray[np.float32]],
    inputs: Inputs,
    size: int = 32,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Logits of every answer in the order of the inputs, (answers, labels): one per text, or one per word.

    `progress` is told how many inputs each batch had.
    """
    parts = []
    for numbers, batch in batches(inputs, size):
        parts.append((numbers, logits(batch)))
        progress(len(numbers))
    return collect(parts, inputs)


def collect(parts: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]], inputs: Inputs) -> NDArray[np.float32]:
    """Batches of raw logits, each with the numbers of its inputs -> (answers, labels) in the order of the inputs."""
    shape, wanted = parts[0][1].shape, 2 if inputs.scored is None else 3
    if len(shape) != wanted:
        level = ("of each text", "of each token")[wanted - 2]
        raise BadInput(f"the model's logits have the shape {shape}; legal for this task: logits {level}")
    out = np.empty((int(inputs.ends[-1]), shape[-1]), dtype=np.float32)
    for numbers, values in parts:
        positions = inputs.positions(numbers)
        out[inputs.answers(numbers)] = values if positions is None else values[positions]
    return out


def longer_texts(splits: Mapping[str, Inputs], max_length: int) -> Iterator[str]:
    """What became of the texts of each split that are longer than `max_length` tokens, in words."""
    for split, inputs in splits.items():
        if inputs.cut and inputs.rows is None:
            yield f"{inputs.cut:,} of {len(inputs):,} {split} texts were cut at {max_length} tokens"
        elif inputs.cut:
            yield f"in {inputs.cut:,} {split} texts a single word does not fit into {max_length} tokens and was cut"
        if inputs.rows and (more := len(inputs) - len(set(inputs.rows))):
            yield f"longer {split} texts ({max_length} tokens) are read in overlapping windows: {more:,} inputs more"
