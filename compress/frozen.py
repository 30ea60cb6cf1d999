"""Training the upper layers only: the frozen lower part answers every row once, and its output is kept on disk."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from compress.architectures import embed, encoder_layers
from compress.progress import Work
from compress.tasks.encoding import batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 32


class UpperLayers(nn.Module):
    """The layers from `depth` on, pooler and classifier of a classifier, sharing its parameters."""

    def __init__(self, model: "PreTrainedModel", depth: int) -> None:
        super().__init__()
        base: Any = model.base_model
        self.layers = nn.ModuleList(encoder_layers(model)[depth:])
        self.pooler = getattr(base, "pooler", None)
        self.dropout = getattr(model, "dropout", nn.Identity())  # some heads have their own
        self.classifier = model.classifier

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """`logits` (rows, labels) or (rows, tokens, labels) of the lower layers' output (rows, tokens, hidden)."""
        visible = attention_mask[:, None, None, :].bool()
        for layer in self.layers:
            hidden = layer(hidden, visible)
        pooled = self.pooler(hidden) if self.pooler else hidden
        return SimpleNamespace(logits=self.classifier(self.dropout(pooled)))


class LowerStates:
    """What embeddings and the lowest `depth` layers say to each row, FP16 in one memory-mapped file.

    A file that is already whole (a resumed build) is taken as it is.
    """

    def __init__(
        self, model: "PreTrainedModel", depth: int, sequences: list[list[int]], padding: int, file: Path, work: Work
    ) -> None:
        self._ends = np.cumsum([len(sequence) for sequence in sequences])
        if not file.is_file():
            self._compute(model, depth, sequences, padding, file, work)
        self._states = np.load(file, mmap_mode="r", allow_pickle=False)

    @torch.inference_mode()
    def _compute(
        self, model: "PreTrainedModel", depth: int, sequences: list[list[int]], padding: int, file: Path, work: Work
    ) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".tmp")
        shape = (int(self._ends[-1]), model.config.hidden_size)
        states = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.float16, shape=shape)
        model.eval()
        for rows, batch in batches(sequences, _BATCH, padding):
            hidden = embed(model, torch.from_numpy(batch["input_ids"]))
            visible = torch.from_numpy(batch["attention_mask"])[:, None, None, :].bool()
            for layer in encoder_layers(model)[:depth]:
                hidden = layer(hidden, visible)
            for row, values in zip(rows, hidden, strict=True):
                length = len(sequences[row])
                states[self._ends[row] - length : self._ends[row]] = values[:length].numpy()
            work.advance(len(rows))
        states.flush()
        unfinished.rename(file)

    def batch(self, rows: list[int]) -> dict[str, Tensor]:
        """``hidden`` (rows, tokens, hidden) and ``attention_mask`` (rows, tokens) of those rows."""
        values = [torch.from_numpy(self._states[self._start(row) : self._ends[row]].astype(np.float32)) for row in rows]
        mask = [torch.ones(len(value), dtype=torch.long) for value in values]
        pad = nn.utils.rnn.pad_sequence
        return {"hidden": pad(values, batch_first=True), "attention_mask": pad(mask, batch_first=True)}

    def _start(self, row: int) -> int:
        return int(self._ends[row - 1]) if row else 0
