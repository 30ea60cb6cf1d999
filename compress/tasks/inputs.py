"""Tokenized inputs, padded batches and predictions, without transformers: the bench scores files with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pocketbert.compress.base.errors import BadInput

if TYPE_CHECKING:
    import torch

Batch = Mapping[str, NDArray[np.int64]]
"""``input_ids`` and ``attention_mask``, for pairs also ``token_type_ids`` if the model has them; (rows, tokens)."""
Columns = Mapping[str, Sequence[Any]]
"""Rows of a split: column name -> its values."""

Indices = Sequence[int] | NDArray[np.intp]
"""Positions in the list of inputs."""


class NotFinite(BadInput):
    """Logits with NaN or infinity, which get no score; `logits` are all of them, (predictions, labels)."""

    def __init__(self, logits: NDArray[np.float32], wrong: int) -> None:
        super().__init__(
            f"the logits of {wrong:,} of {len(logits):,} predictions are NaN or infinite: a weight or a sum is no "
            "finite number; use weights from before the training diverged, or a precision with a wider range"
        )
        self.logits = logits


def check_finite(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `logits`, (predictions, labels), all of which are finite numbers.

    Raises:
        NotFinite: some are not; the message counts the predictions.
    """
    finite = np.isfinite(logits).all(axis=-1)
    if not finite.all():
        raise NotFinite(logits, int(np.size(finite) - finite.sum()))
    return logits


def largest(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the label with the largest logit of each prediction, (predictions,); raises like `check_finite`."""
    result: NDArray[np.intp] = check_finite(logits).argmax(axis=1)
    return result


@dataclass(frozen=True)
class Inputs:
    """Tokenized inputs, and the positions of the logits that are scored.

    Args:
        sequences: token ids of each input, special tokens included.
        padding: id of the padding token.
        types: token types of pairs; None if the tokenizer separates the two texts by separator tokens alone.
        scored: for tagging, the positions in each input whose logits are scored, one per word; None: one prediction
            per input.
        rows: the row of each input; None: one input per row.
        truncated: number of rows that were truncated to the task's length.
    """

    sequences: list[list[int]]
    padding: int
    types: list[list[int]] | None = None
    scored: list[list[int]] | None = None
    rows: list[int] | None = None
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.sequences)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Return the cumulative number of predictions: entry i counts inputs 0 to i."""
        counts = [1] * len(self) if self.scored is None else list(map(len, self.scored))
        return np.cumsum(counts, dtype=np.int64)

    def answers(self, indices: Indices) -> NDArray[np.int64]:
        """Return the positions of these inputs' predictions among all predictions, in the given order."""
        if self.scored is None:
            return np.asarray(indices, dtype=np.int64)
        parts = [np.arange(self.ends[i] - len(self.scored[i]), self.ends[i]) for i in indices]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def first(self, rows: int) -> "Inputs":
        """Return the inputs of the first `rows` rows."""
        count = rows if self.rows is None else sum(row < rows for row in self.rows)
        return replace(
            self,
            sequences=self.sequences[:count],
            types=self.types and self.types[:count],
            scored=self.scored and self.scored[:count],
            rows=self.rows and self.rows[:count],
        )

    def up_to(self, tokens: int | None) -> NDArray[np.intp]:
        """Return the indices of the inputs with at most so many tokens; None: of all inputs."""
        lengths = np.array([len(sequence) for sequence in self.sequences])
        return np.flatnonzero(lengths <= (lengths.max() if tokens is None else tokens))

    def chosen(self, indices: Indices) -> "Inputs":
        """Return these inputs, each as a row of its own."""
        return Inputs(
            [self.sequences[i] for i in indices],
            self.padding,
            self.types and [self.types[i] for i in indices],
            self.scored and [self.scored[i] for i in indices],
        )

    def of_rows(self, rows: Indices) -> "Inputs":
        """Return the inputs of the rows with these numbers, in increasing order; the rows are numbered anew."""
        if self.rows is None:
            return self.chosen(rows)
        number = {int(row): new for new, row in enumerate(rows)}
        kept = [i for i, row in enumerate(self.rows) if row in number]
        return replace(self.chosen(kept), rows=[number[self.rows[i]] for i in kept])

    def one_per_row(self) -> list[list[int]]:
        """Return the first input of each row; a long row of a tagging task has several."""
        if self.rows is None:
            return self.sequences
        first = dict(zip(reversed(self.rows), reversed(self.sequences), strict=True))
        return [first[row] for row in sorted(first)]

    def padded(self, indices: Indices) -> Batch:
        """Return one batch of these inputs, padded to the longest of them."""
        types = None if self.types is None else [self.types[i] for i in indices]
        return pad([self.sequences[i] for i in indices], self.padding, types)

    def tensors(self, indices: Indices, device: "torch.device | str" = "cpu") -> "dict[str, torch.Tensor]":
        """Return one padded batch as int64 tensors, (inputs, tokens) each, keyed by the model's argument names."""
        return as_tensors(self.padded(indices), device)

    def positions(self, indices: Indices) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Return the scored positions in a batch of these inputs: (row of the batch, token); None: one per input."""
        if self.scored is None:
            return None
        scored = [self.scored[i] for i in indices]
        inputs = np.repeat(np.arange(len(scored)), list(map(len, scored)))
        return inputs, np.array([at for positions in scored for at in positions], dtype=np.intp)


def as_tensors(batch: Batch, device: "torch.device | str" = "cpu") -> "dict[str, torch.Tensor]":
    """Convert a padded batch to int64 tensors on `device`."""
    import torch

    return {name: torch.from_numpy(values).to(device) for name, values in batch.items()}


def by_length(inputs: Inputs, size: int) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of the inputs in batches of `size` inputs of similar length.

    Short and long batches are mixed, always in the same way: a progress bar can then tell how much time is left.
    """
    order = np.argsort([len(sequence) for sequence in inputs.sequences], kind="stable")
    for start in np.random.default_rng(0).permutation(range(0, len(order), size)):
        yield order[start : start + size]


def batches(inputs: Inputs, size: int) -> Iterator[tuple[NDArray[np.intp], Batch]]:
    """Yield batches of inputs of similar length: (indices of the inputs, padded batch)."""
    for indices in by_length(inputs, size):
        yield indices, inputs.padded(indices)


def pad(sequences: Sequence[Sequence[int]], padding: int, types: Sequence[Sequence[int]] | None = None) -> Batch:
    """Make one batch, padded to its longest sequence."""
    lengths = np.array([len(sequence) for sequence in sequences])
    visible = np.arange(lengths.max()) < lengths[:, None]

    def filled(rows: Sequence[Sequence[int]], value: int) -> NDArray[np.int64]:
        batch = np.full(visible.shape, value, dtype=np.int64)
        batch[visible] = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
        return batch

    batch = {"input_ids": filled(sequences, padding), "attention_mask": visible.astype(np.int64)}
    return batch if types is None else batch | {"token_type_ids": filled(types, 0)}


def predict(
    logits: Callable[[Batch], NDArray[np.float32]],
    inputs: Inputs,
    size: int = 32,
    progress: Callable[[int], None] = lambda done: None,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Run inference; returns logits in the order of the inputs, (predictions, labels): one per text, or one per word.

    Args:
        size: inputs of a batch.
        progress: is called with the number of inputs of each batch.
        workers: threads that share the batches, each with one call of `logits` at a time.

    Raises:
        BadInput: see `collect`. The first error of `logits` ends the run.
    """

    def answered(indices: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        return indices, logits(inputs.padded(indices))

    parts = []
    with ThreadPoolExecutor(workers) as pool:
        # A single worker is this thread: PyTorch's number of threads belongs to the thread that set it.
        spread = pool.map if workers > 1 else map
        for part in spread(answered, by_length(inputs, size)):
            parts.append(part)
            progress(len(part[0]))
    return collect(parts, inputs)


def collect(parts: Sequence[tuple[NDArray[np.intp], NDArray[np.float32]]], inputs: Inputs) -> NDArray[np.float32]:
    """Join batches of (indices of the inputs, raw logits) to logits in the order of the inputs, (predictions, labels).

    Raises:
        BadInput: the logits are of each text where the task needs each token, or vice versa.
        NotFinite: a logit is NaN or infinite.
    """
    shape, wanted = parts[0][1].shape, 2 if inputs.scored is None else 3
    if len(shape) != wanted:
        level = ("of each text", "of each token")[wanted - 2]
        raise BadInput(f"the model's logits have the shape {shape}; expected for this task: logits {level}")
    out = np.empty((int(inputs.ends[-1]), shape[-1]), dtype=np.float32)
    for indices, values in parts:
        positions = inputs.positions(indices)
        out[inputs.answers(indices)] = values if positions is None else values[positions]
    return check_finite(out)


def longer_texts(splits: Mapping[str, Inputs], max_length: int) -> Iterator[str]:
    """Describe what happened to texts longer than `max_length` tokens, one sentence per split."""
    for split, inputs in splits.items():
        if (count := inputs.truncated) and inputs.rows is None:
            yield f"{count:,} of {len(inputs):,} {split} texts were truncated to {max_length} tokens"
        elif count:
            yield f"in {count:,} {split} texts a single word does not fit into {max_length} tokens and was truncated"
        if inputs.rows and (more := len(inputs) - len(set(inputs.rows))):
            yield f"longer {split} texts ({max_length} tokens) are read in overlapping windows: {more:,} inputs more"
