"""Training the upper layers only: the frozen lower part answers every row once, and its output is kept on disk."""

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from compress.architectures import embed, encoder_layers
from compress.progress import Work
from compress.tasks.encoding import batches
from compress.token_states import TokenStates, check_room, write_states

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
        self.dropout = model.dropout if self.pooler else nn.Identity()  # without a pooler the head has its own
        self.classifier = model.classifier

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """`logits` (rows, labels) of the lower layers' output (rows, tokens, hidden)."""
        visible = attention_mask[:, None, None, :].bool()
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return SimpleNamespace(logits=self.classifier(self.dropout(self.pooler(hidden)) if self.pooler else hidden))


class LowerStates:
    """What embeddings and the lowest `depth` layers say to each row, in one file of `compress.token_states`.

    A file that is already whole (a resumed build) is taken as it is.
    """

    def __init__(
        self, model: "PreTrainedModel", depth: int, sequences: list[list[int]], padding: int, file: Path, work: Work
    ) -> None:
        self._lengths = torch.tensor([len(sequence) for sequence in sequences])
        if not file.is_file():
            _compute(model, depth, sequences, padding, file, work)
        self._states = TokenStates(file, self._lengths.tolist())

    def batch(self, rows: list[int]) -> dict[str, Tensor]:
        """``hidden`` (rows, tokens, hidden) and ``attention_mask`` (rows, tokens) of those rows."""
        hidden = self._states.batch(rows)
        visible = torch.arange(hidden.shape[1]) < self._lengths[rows][:, None]
        return {"hidden": hidden, "attention_mask": visible.long()}


@torch.inference_mode()
def _compute(
    model: "PreTrainedModel", depth: int, sequences: list[list[int]], padding: int, file: Path, work: Work
) -> None:
    lengths = [len(sequence) for sequence in sequences]
    file.parent.mkdir(parents=True, exist_ok=True)
    check_room(file.parent, lengths, [model.config.hidden_size])
    model.eval()
    with write_states(file, lengths, model.config.hidden_size) as write:
        for rows, batch in batches(sequences, _BATCH, padding):
            hidden = embed(model, torch.from_numpy(batch["input_ids"]))
            visible = torch.from_numpy(batch["attention_mask"])[:, None, None, :].bool()
            for layer in encoder_layers(model)[:depth]:
                hidden = layer(hidden, visible)
            write(rows.tolist(), hidden)
            work.advance(len(rows))
