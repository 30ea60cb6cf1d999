"""Training the upper layers only: the frozen lower part answers every row once, and its output is kept on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import TokenClassifierOutput

from pocketbert.compress.base.progress import Work
from pocketbert.compress.models.families import embed, encoder_layers, run_layers
from pocketbert.compress.tasks.inputs import Inputs, as_tensors, batches
from pocketbert.compress.training.precision import autocast, fastest_device
from pocketbert.compress.training.states import TokenStates, check_room, write_states

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

    def forward(self, hidden: Tensor, attention_mask: Tensor) -> TokenClassifierOutput:
        """`logits` (rows, labels) or (rows, tokens, labels) of the lower layers' output (rows, tokens, hidden)."""
        hidden = run_layers(self.layers, hidden, attention_mask)
        pooled = self.pooler(hidden) if self.pooler else hidden
        return TokenClassifierOutput(logits=self.classifier(self.dropout(pooled)))


class LowerStates:
    """The output of the embeddings and the lowest `depth` layers for each row, in one file of states.

    A file that is already whole (a resumed build) is taken as it is.
    """

    def __init__(self, model: "PreTrainedModel", depth: int, inputs: Inputs, file: Path, work: Work) -> None:
        self._lengths = torch.tensor(list(map(len, inputs.sequences)))
        if not file.is_file():
            # Outside of inference mode, which would make inference tensors of what is moved: those cannot be trained.
            _compute(model.eval().to(fastest_device()), depth, inputs, file, work)
        self._states = TokenStates(file, self._lengths.tolist())

    def batch(self, rows: list[int]) -> dict[str, Tensor]:
        """``hidden`` (rows, tokens, hidden) and ``attention_mask`` (rows, tokens) of those rows."""
        hidden = self._states.batch(rows)
        visible = torch.arange(hidden.shape[1]) < self._lengths[rows][:, None]
        return {"hidden": hidden, "attention_mask": visible.long()}


@torch.inference_mode()
def _compute(model: "PreTrainedModel", depth: int, inputs: Inputs, file: Path, work: Work) -> None:
    lengths = list(map(len, inputs.sequences))
    file.parent.mkdir(parents=True, exist_ok=True)
    check_room(file.parent, lengths, [model.config.hidden_size])
    with write_states(file, lengths, model.config.hidden_size) as write:
        for rows, batch in batches(inputs, _BATCH):
            read = as_tensors(batch, model.device)
            hidden = embed(model, read["input_ids"], read.get("token_type_ids"))
            with autocast(model.device.type):  # as training would have computed them
                hidden = run_layers(encoder_layers(model)[:depth], hidden, read["attention_mask"])
            write(rows.tolist(), hidden)
            work.advance(len(rows))
